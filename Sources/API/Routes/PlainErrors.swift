import Cluster
import Delivery
import HTTPTypes
import Hummingbird
import JSON
import Resources

/// *Value*: answers errors as one line of text, whatever threw them.
struct PlainErrors<Context: RequestContext>: RouterMiddleware {
    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError {
            return Response(status: error.status, text: error.body ?? error.status.reasonPhrase)
        } catch let error as NodeError {
            return Response(status: .internalServerError, text: error.message)
        } catch let error as ControlError {
            return Response(
                status: error.code == .invalid ? .badRequest : error.code == .full ? .conflict : .internalServerError,
                text: error.description)
        } catch let error as JSONFault {
            return Response(status: .badRequest, text: error.sentence(about: "the body"))
        }
    }
}

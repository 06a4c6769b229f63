import Control
import HTTPTypes
import Hummingbird
import Intake
import JSON
import Message
import NIOCore

/// *Value*: `POST /api/inject` (short form) and `POST /api/inject/v1`.
struct InjectRoutes: Sendable {
    /// Takes the mail.
    package let injector: Injector
    /// Bytes that a body may have.
    package let limit: Int
    /// What is refused.
    package let rules: InjectionRules

    /// Adds the routes.
    package func add(to router: Router<APIContext>) {
        router.post("api/inject") { request, context in
            let injection = try await read(request, as: ShortInjection.self).injection(rules)
            return try await answer(injection, context, short: true)
        }
        router.post("api/inject/v1") { request, context in
            let injection = try await read(request, as: V1Injection.self).injection(rules)
            return try await answer(injection, context, short: false)
        }
    }

    private func read<Body: JSONDecodable>(_ request: Request, as type: Body.Type) async throws -> Body {
        if let refusal = injector.refusal { throw HTTPError(.serviceUnavailable, message: refusal) }
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw HTTPError(
                .unsupportedMediaType, message: "Content-Encoding \(encoding) is not supported yet by this version; send the body as it is")
        }
        let buffer: ByteBuffer
        do {
            buffer = try await request.body.collect(upTo: limit)
        } catch {
            throw HTTPError(.contentTooLarge, message: "the body is larger than \(limit) bytes (request_body_limit)")
        }
        do throws(JSONFault) {
            return try Body(json: try JSONValue(parsing: buffer))
        } catch {
            throw HTTPError(.badRequest, message: error.sentence(about: "the body"))
        }
    }

    private func answer(_ injection: Injection, _ context: APIContext, short: Bool) async throws -> Response {
        let result = await injector.inject(injection, peer: context.remote)
        if result.ids.isEmpty, let reason = result.unavailable { throw HTTPError(.serviceUnavailable, message: reason) }
        return Response(json: short ? result.short : result.v1)
    }
}

import DNS
import HTTPTypes
import Hummingbird

/// *Value*: who may use the API: the trusted hosts (the machine itself by default). The probes are open to everyone.
struct AccessRule: RouterMiddleware {
    typealias Input = Request
    typealias Output = Response
    typealias Context = APIContext
    private let trusted: CIDRSet
    private static let open: Set<String> = ["/livez", "/readyz", "/startupz", "/api/check-liveness/v1"]

    init(trusted: [String]) throws { self.trusted = CIDRSet(validated: trusted) }

    @concurrent func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if Self.open.contains(request.uri.path) { return try await next(request, context) }
        let peer = context.remote?.ipAddress.flatMap { HostAddress($0) }
        guard let peer, trusted.contains(peer) else {
            return Response(
                status: .unauthorized,
                text:
                    "not permitted \(request.method) on \(request.uri.path) from \(context.remote?.ipAddress ?? "?"); add the address to trusted_hosts of the HTTP listener"
            )
        }
        return try await next(request, context)
    }
}

import DNS
import Delivery
import NIOCore
import NIOHTTP1
import Platform
import Shaping

/// *Value*: who may use the API. The probes are open to everyone; everything else takes an address of `trusted_hosts`, and no page of a stranger.
///
/// A browser on a trusted machine carries out what any page tells it to, so an address is not enough: what the browser itself marks as foreign
/// is refused (`Origin`, `Sec-Fetch-Site`), and so is a name for this machine that is not ours (`Host`, against DNS rebinding). Programs that
/// are not browsers send none of these marks.
struct AccessRule: Sendable {
    private let trusted: NetworkList
    private let names: TrustedNames
    private static let open: Set<String> = ["/livez", "/readyz", "/startupz", "/api/check-liveness/v1"]

    /// The rule of a listener.
    package init(config: HTTPListenerConfig, nodeName: String) {
        trusted = config.trustedHosts
        names = TrustedNames(
            listen: config.listen, hostnames: [nodeName] + [config.hostname].compactMap(\.self), listed: config.trustedNames)
    }

    /// Whether everybody may ask for that path.
    static func isOpen(_ path: String) -> Bool { open.contains(path) }

    /// Whether a client is one of `trusted_hosts`.
    func trusts(_ peer: SocketAddress?) -> Bool {
        guard let address = Self.address(peer) else { return false }
        return trusted.contains(address)
    }

    /// Why a request is not answered; `nil` when it is.
    func refusal(_ head: HTTPRequestHead, target: RequestTarget, peer: SocketAddress?, local: SocketAddress?) -> HTTPReply? {
        if Self.isOpen(target.path) { return nil }
        guard trusts(peer), let address = Self.address(peer) else {
            return HTTPReply(
                .unauthorized,
                text:
                    "not permitted: \(head.method) on \((target.path.isEmpty ? head.uri : target.path).shown) from \(peer?.ipAddress ?? "?"); add the address to trusted_hosts of the HTTP listener"
            )
        }
        let host: Authority?
        switch Self.host(head, target) {
        case .success(let found): host = found
        case .failure(let error): return HTTPReply(.badRequest, text: error.text)
        }
        if address.isLoopback {
            guard let host else {
                return HTTPReply(.badRequest, text: "the request has no Host field; send one such as 'Host: localhost'")
            }
            guard names.isOwn(host.host) else {
                return Self.foreign(
                    "Host is not a name of this listener, so a web page may have sent the request; use an IP address or 'localhost', or add the name to trusted_names of the HTTP listener"
                )
            }
        }
        return foreignPage(head, host: host, local: local)
    }

    /// Refuses what a browser marks as sent by a page that is not ours.
    private func foreignPage(_ head: HTTPRequestHead, host: Authority?, local: SocketAddress?) -> HTTPReply? {
        let own = Authority(host: Self.address(local).map { .address($0) } ?? .name("localhost"), port: local?.port)
        let origins = head.headers["origin"]
        for text in origins {
            guard let origin = Origin(text), names.allows(origin, host: host, local: own) else {
                return Self.foreign(
                    "Origin '\(text.shown)' is not this listener, so a web page sent the request; if the page is yours, add its origin to trusted_names of the HTTP listener"
                )
            }
        }
        guard origins.isEmpty else { return nil }
        for text in head.headers["sec-fetch-site"] {
            switch text.lowercased() {
            case "same-origin", "none": continue
            default:
                return Self.foreign(
                    "Sec-Fetch-Site '\(text.shown)' says that a page of another site sent the request; use curl or the apus command, or a page whose origin is in trusted_names of the HTTP listener"
                )
            }
        }
        return nil
    }

    private static func foreign(_ text: String) -> HTTPReply { HTTPReply(.forbidden, text: "not permitted: " + text) }

    private static func address(_ socket: SocketAddress?) -> HostAddress? {
        // An IPv6 address may carry its zone.
        socket?.ipAddress.flatMap { HostAddress(String($0.prefix { $0 != "%" })) }?.unmapped
    }

    // MARK: Host

    private struct HostFault: Error {
        /// As it was written.
        package let text: String
    }

    /// The authority a request is meant for (RFC 9112 3.2): that of the target in absolute form, else `Host`; `nil` in HTTP/1.0 without one.
    private static func host(_ head: HTTPRequestHead, _ target: RequestTarget) -> Result<Authority?, HostFault> {
        let fields = head.headers["host"]
        guard fields.count <= 1 else { return .failure(HostFault(text: "the request has \(fields.count) Host fields; send one")) }
        var found: Authority?
        if let text = fields.first {
            guard let authority = Authority(Substring(text)) else {
                return .failure(HostFault(text: "Host '\(text.shown)' is not a host name or address with an optional port"))
            }
            found = authority
        } else if head.version != .http1_0 {
            return .failure(HostFault(text: "the request has no Host field; HTTP/1.1 requires one"))
        }
        guard let absolute = target.absolute else {
            guard !target.path.isEmpty else {
                return .failure(HostFault(text: "the target '\(head.uri.shown)' is not a path; send one such as /api/queues"))
            }
            return .success(found)
        }
        // RFC 9112 3.2.2: the target goes first; a client whose Host says something else is not what it seems.
        guard absolute.scheme == "http", let authority = Authority(Substring(absolute.authority)) else {
            return .failure(HostFault(text: "the target '\(head.uri.shown)' is not a path or an http URL"))
        }
        guard found == nil || found?.withPort(of: "http") == authority.withPort(of: "http") else {
            return .failure(HostFault(text: "the target names another host than the Host field; send a path as the target"))
        }
        return .success(authority)
    }
}

extension String {
    /// A text of a client as an answer may show it: bounded, and no byte that could mean something else.
    var shown: String {
        String(decoding: utf8.prefix(100).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}

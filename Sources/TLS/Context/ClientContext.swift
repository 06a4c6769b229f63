internal import COpenSSL

/// What the sessions of many outbound connections have in common. *Shared.*
package final class ClientContext: Sendable {
    private let context: ContextHandle
    private let sessions: SessionCache

    /// - Parameters:
    ///   - authorities: who is trusted to vouch for a server.
    ///   - capacity: how many sessions are remembered in order to go on with them.
    package init(authorities: Authorities, capacity: Int = 10_000) throws(TLSError) {
        context = try ContextHandle(isServer: false)
        sessions = SessionCache(capacity: capacity)
        try authorities.install(in: context.pointer)
        // The sessions are ours to keep: by host and demand, and bounded.
        _ = apus_tls_set_session_cache_mode(context.pointer, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        SSL_CTX_sess_set_new_cb(context.pointer, keepSession)
    }

    /// One connection to a server.
    func call(_ demand: ServerDemand) -> any TLSContext { ServerCall(context, sessions, demand) }
}

/// *Value*: what is asked of a server.
package struct ServerDemand: Sendable, Hashable {
    /// The name of the host, for SNI and in its certificate.
    package var host: String
    /// Whether a certificate that is not good ends the handshake.
    package var needsVerification: Bool

    /// A demand from its parts.
    package init(host: String, needsVerification: Bool) {
        self.host = host
        self.needsVerification = needsVerification
    }
}

/// *Loop-confined in use*: the context of one connection: the context of all, and what this server is asked.
private final class ServerCall: TLSContext {
    let isServer = false
    let verifies = true
    var handle: OpaquePointer { context.pointer }
    private let context: ContextHandle
    private let demand: ServerDemand
    private let place: SessionPlace

    init(_ context: ContextHandle, _ sessions: SessionCache, _ demand: ServerDemand) {
        self.context = context
        self.demand = demand
        place = SessionPlace(sessions, demand)
    }

    func prepare(_ ssl: OpaquePointer) throws(TLSError) {
        // A trailing dot is DNS notation; certificates and SNI know names without it (RFC 6066, 3).
        let host = demand.host.hasSuffix(".") ? String(demand.host.dropLast()) : demand.host
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        // What is no address is a name. RFC 6066, 3: no addresses in SNI.
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) != 1 {
            guard SSL_set1_host(ssl, host) == 1 else { throw TLSError("'\(host)' cannot be compared with a certificate") }
            _ = apus_tls_set_server_name(ssl, host)
        }
        // Without `needsVerification` it is verified too, and only told.
        SSL_set_verify(ssl, demand.needsVerification ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        _ = apus_tls_set_data(ssl, Unmanaged.passUnretained(place).toOpaque())
        if let session = place.take() {
            SSL_set_session(ssl, session.pointer)
        }
    }

    func forget(_ ssl: OpaquePointer) { _ = apus_tls_set_data(ssl, nil) }
}

/// A ticket came from the server. Answers whether the session was taken over.
private func keepSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
    guard let session, let data = apus_tls_data(ssl) else { return 0 }
    Unmanaged<SessionPlace>.fromOpaque(data).takeUnretainedValue().keep(session)
    return 1
}

internal import COpenSSL

/// What the sessions of many outbound connections have in common. *Shared.*
package final class ClientContext: Sendable {
    private let context: ContextHandle
    private let sessions: SessionCache

    /// - Parameters:
    ///   - authorities: who is trusted to vouch for a server.
    ///   - certificate: what is shown to a server that asks.
    ///   - ciphers: TLS 1.2, in OpenSSL's notation; nil for our own choice.
    ///   - suites: TLS 1.3, in OpenSSL's notation; nil for its own choice.
    ///   - capacity: how many sessions are remembered in order to go on with them.
    package init(
        authorities: Authorities, certificate: Certificate? = nil, ciphers: String? = nil, suites: String? = nil, capacity: Int = 10_000
    ) throws(TLSError) {
        context = try ContextHandle(isServer: false)
        sessions = SessionCache(capacity: capacity)
        try authorities.install(in: context.pointer)
        ErrorQueue.clear()
        if let ciphers, SSL_CTX_set_cipher_list(context.pointer, ciphers) != 1 {
            throw TLSError("'\(ciphers)' names no cipher of TLS 1.2 that OpenSSL knows: see 'openssl ciphers'; \(ErrorQueue.take() ?? "")")
        }
        if let suites, SSL_CTX_set_ciphersuites(context.pointer, suites) != 1 {
            throw TLSError("'\(suites)' is not a list of cipher suites of TLS 1.3, such as 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384'")
        }
        if let certificate {
            guard SSL_CTX_use_certificate(context.pointer, certificate.leaf) == 1,
                SSL_CTX_use_PrivateKey(context.pointer, certificate.key) == 1,
                certificate.chain.allSatisfy({ apus_tls_add_chain(context.pointer, $0) == 1 })
            else {
                throw TLSError("the certificate cannot be used: \(ErrorQueue.take() ?? "OpenSSL refuses it"); have a new one issued")
            }
        }
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
        // RFC 6066, 3: no addresses in SNI.
        if host.contains(":") || host.last?.isNumber == true {
            guard X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 else { throw TLSError("'\(host)' is not an address") }
        } else {
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

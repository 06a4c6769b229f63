internal import COpenSSL

/// What the sessions of one listener have in common. *Shared.* It does not change: new certificates are a new context, and sessions that are open
/// keep the old one.
package final class ServerContext: TLSContext {
    /// Seconds since 1970 at which the first certificate expires.
    package let validUntil: Int64
    let isServer = true
    let verifies: Bool
    var handle: OpaquePointer { context.pointer }
    private let context: ContextHandle
    /// Contexts for clients that ask for a name of another certificate.
    private let named: NamedContexts

    /// - Parameters:
    ///   - certificates: the first is for clients that name no host, or one that no certificate is for.
    ///   - clientAuthorities: those one of which must vouch for each client; nil when clients need no certificate.
    package init(_ certificates: [Certificate], clientAuthorities: Authorities? = nil) throws(TLSError) {
        guard let first = certificates.first else { throw TLSError("a TLS listener needs a certificate") }
        verifies = clientAuthorities != nil
        validUntil = first.validUntil
        context = try Self.context(for: first, clientAuthorities)
        var others: [String: ContextHandle] = [:]
        for certificate in certificates.dropFirst() {
            let other = try Self.context(for: certificate, clientAuthorities)
            for name in certificate.names where others[name] == nil && !first.names.contains(name) { others[name] = other }
        }
        named = NamedContexts(others)
        guard !others.isEmpty else { return }
        _ = apus_tls_on_server_name(context.pointer, chooseContext, Unmanaged.passUnretained(named).toOpaque())
    }

    func prepare(_ ssl: OpaquePointer) throws(TLSError) {}

    private static func context(for certificate: Certificate, _ authorities: Authorities?) throws(TLSError) -> ContextHandle {
        let context = try ContextHandle(isServer: true)
        ErrorQueue.clear()
        guard SSL_CTX_use_certificate(context.pointer, certificate.leaf) == 1,
            SSL_CTX_use_PrivateKey(context.pointer, certificate.key) == 1,
            certificate.chain.allSatisfy({ apus_tls_add_chain(context.pointer, $0) == 1 })
        else {
            // Too short a key, or a signature that OpenSSL does not trust any more.
            throw TLSError("the certificate cannot be used: \(ErrorQueue.take() ?? "OpenSSL refuses it"); have a new one issued")
        }
        // Sessions are kept by the clients, in tickets, and not by us.
        _ = apus_tls_set_session_cache_mode(context.pointer, Int(SSL_SESS_CACHE_OFF))
        var purpose: [UInt8] = Array("apus".utf8)
        guard SSL_CTX_set_session_id_context(context.pointer, &purpose, UInt32(purpose.count)) == 1 else {
            throw TLSError("TLS cannot be used: no memory")
        }
        if let authorities {
            try authorities.install(in: context.pointer, asksClients: true)
            SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
        return context
    }
}

/// The contexts of a listener by the names of their certificates. *Shared.*
private final class NamedContexts: Sendable {
    private let contexts: [String: ContextHandle]

    init(_ contexts: [String: ContextHandle]) { self.contexts = contexts }

    /// The context for a name, or for the wildcard one label up (RFC 6125, 6.4.3).
    func context(for name: String) -> ContextHandle? {
        let name = name.lowercased()
        return contexts[name] ?? name.firstIndex(of: ".").flatMap { contexts["*" + name[$0...]] }
    }
}

/// RFC 6066, 3: which certificate the client wants to see. An unknown name is no reason to refuse: senders of mail do not verify it.
private func chooseContext(_ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let argument, let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return SSL_TLSEXT_ERR_OK }
    let contexts = Unmanaged<NamedContexts>.fromOpaque(argument).takeUnretainedValue()
    if let context = contexts.context(for: String(cString: name)) { SSL_set_SSL_CTX(ssl, context.pointer) }
    return SSL_TLSEXT_ERR_OK
}

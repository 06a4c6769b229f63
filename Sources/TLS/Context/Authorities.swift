internal import COpenSSL

/// The certificate authorities that are trusted to vouch for a peer. *Shared.*
package final class Authorities: @unchecked Sendable {  // OpenSSL counts and locks a store, and nobody changes it after `init`
    private let store: OpaquePointer
    /// Their certificates, whose names a server shows to its clients; empty for those of the system.
    private let certificates: [OpaquePointer]

    /// Those that the system trusts: `SSL_CERT_FILE`, or Debian's ca-certificates.
    package static func system() throws(TLSError) -> Authorities {
        guard let store = X509_STORE_new() else { throw TLSError("no authorities can be trusted: no memory") }
        ErrorQueue.clear()
        guard X509_STORE_set_default_paths(store) == 1 else {
            X509_STORE_free(store)
            throw TLSError("the authorities of the system cannot be read: \(ErrorQueue.take() ?? "unknown"); install ca-certificates")
        }
        ErrorQueue.clear()
        return Authorities(store, [])
    }

    /// Those of a PEM text.
    /// - Parameter name: how errors call it: a file's path, say.
    package convenience init(_ pem: [UInt8], named name: String) throws(TLSError) {
        let certificates = try Certificate.certificates(pem, named: name)
        guard let store = X509_STORE_new() else {
            certificates.forEach { X509_free($0) }
            throw TLSError("no authorities can be trusted: no memory")
        }
        for certificate in certificates { X509_STORE_add_cert(store, certificate) }
        ErrorQueue.clear()
        self.init(store, certificates)
    }

    private init(_ store: OpaquePointer, _ certificates: [OpaquePointer]) {
        self.store = store
        self.certificates = certificates
    }

    deinit {
        certificates.forEach { X509_free($0) }
        X509_STORE_free(store)
    }

    /// Has a context trust them.
    /// - Parameter asksClients: tells clients whose certificates are welcome.
    func install(in context: OpaquePointer, asksClients: Bool = false) throws(TLSError) {
        X509_STORE_up_ref(store)
        SSL_CTX_set_cert_store(context, store)
        guard asksClients else { return }
        for certificate in certificates {
            guard SSL_CTX_add_client_CA(context, certificate) == 1 else { throw TLSError("a client authority cannot be used: no memory") }
        }
    }
}

internal import COpenSSL

/// What many sessions have in common: keys, ciphers, what is verified. *Shared.*
protocol TLSContext: AnyObject, Sendable {
    /// The `SSL_CTX`.
    var handle: OpaquePointer { get }
    /// Whether it is the side that is called.
    var isServer: Bool { get }
    /// Whether the peer's certificate is compared with authorities and a name.
    var verifies: Bool { get }
    /// Readies one session.
    func prepare(_ ssl: OpaquePointer) throws(TLSError)
    /// The session ends; its context must not be called for it any more.
    func forget(_ ssl: OpaquePointer)
}

extension TLSContext {
    func forget(_ ssl: OpaquePointer) {}
}

/// An `SSL_CTX` that is freed with its owner. *Shared.*
final class ContextHandle: @unchecked Sendable {  // OpenSSL locks what sessions of several threads share in a context
    let pointer: OpaquePointer

    /// Ciphers of TLS 1.2: forward secrecy always, authenticated encryption first, CBC for what is old. Those of TLS 1.3 are all good.
    static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES256:ECDHE+AES128:!CCM:!aNULL:!eNULL:!MD5:!RC4:!3DES"

    init(isServer: Bool) throws(TLSError) {
        ErrorQueue.clear()
        guard let pointer = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
            throw TLSError("TLS cannot be used: \(ErrorQueue.take() ?? "no memory")")
        }
        self.pointer = pointer
        // RFC 8996: nothing below 1.2.
        guard apus_tls_set_min_version(pointer, TLS1_2_VERSION) == 1, SSL_CTX_set_cipher_list(pointer, Self.ciphers) == 1 else {
            throw TLSError("TLS cannot be used: \(ErrorQueue.take() ?? "OpenSSL refuses TLS 1.2")")
        }
        apus_tls_set_safe_options(pointer)
        _ = apus_tls_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
    }

    deinit { SSL_CTX_free(pointer) }
}

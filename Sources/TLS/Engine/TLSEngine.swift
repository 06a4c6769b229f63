internal import COpenSSL
internal import NIOCore

/// One encrypted session: handshake, decryption, encryption. *State machine* around OpenSSL's: no I/O, no clock. What is read and written is in
/// `wire`.
struct TLSEngine: ~Copyable {
    /// How far a handshake has come.
    enum Progress {
        case wantsInput
        case done(TLSFacts)
        case failed(TLSFailure)
    }

    /// What came of looking for plain bytes.
    enum Reading {
        case bytes
        case wantsInput
        /// The peer will send nothing more (close_notify).
        case ended
        case failed(TLSFailure)
    }

    let wire: TLSWire
    private let ssl: OpaquePointer
    /// What `ssl` points to without owning it.
    private let context: any TLSContext

    /// An engine for one connection.
    static func make(_ context: any TLSContext) throws(TLSError) -> TLSEngine {
        let wire = TLSWire()
        guard let ssl = SSL_new(context.handle) else { throw TLSError("no TLS session can be made: no memory") }
        guard let bio = wire.makeBIO() else {
            SSL_free(ssl)
            throw TLSError("no TLS session can be made: no memory")
        }
        SSL_set_bio(ssl, bio, bio)
        if context.isServer { SSL_set_accept_state(ssl) } else { SSL_set_connect_state(ssl) }
        let engine = TLSEngine(ssl: ssl, wire: wire, context: context)
        try context.prepare(ssl)
        return engine
    }

    private init(ssl: OpaquePointer, wire: TLSWire, context: any TLSContext) {
        self.ssl = ssl
        self.wire = wire
        self.context = context
    }

    deinit {
        context.forget(ssl)
        SSL_free(ssl)
    }

    /// Goes on with the handshake as far as the input allows.
    mutating func handshake() -> Progress {
        ErrorQueue.clear()
        let code = SSL_do_handshake(ssl)
        if code == 1 { return .done(facts) }
        switch SSL_get_error(ssl, code) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantsInput
        default: break
        }
        let verdict = SSL_get_verify_result(ssl)
        let reason = ErrorQueue.take() ?? "the peer ended the handshake"
        guard verdict != X509_V_OK, reason == "certificate verify failed" else { return .failed(TLSFailure(.handshake, reason)) }
        return .failed(TLSFailure(.verification, Self.text(ofVerdict: verdict)))
    }

    /// Decrypts into `plain`, at most what it has room for.
    mutating func decrypt(into plain: inout ByteBuffer) -> Reading {
        ErrorQueue.clear()
        let code = plain.withUnsafeMutableWritableBytes { bytes in SSL_read(ssl, bytes.baseAddress, Int32(clamping: bytes.count)) }
        if code > 0 {
            plain.moveWriterIndex(forwardBy: Int(code))
            return .bytes
        }
        switch SSL_get_error(ssl, code) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantsInput
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed(TLSFailure(.broken, ErrorQueue.take() ?? "the session is broken"))
        }
    }

    /// Plain bytes that are decrypted already.
    var pending: Int { Int(SSL_pending(ssl)) }

    /// Encrypts all of `plain`.
    mutating func encrypt(_ plain: ByteBuffer) -> TLSFailure? {
        guard plain.readableBytes > 0 else { return nil }
        ErrorQueue.clear()
        // The wire takes all there is, so that this writes everything or fails for good.
        let code = plain.withUnsafeReadableBytes { bytes in SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count)) }
        guard code == plain.readableBytes else { return TLSFailure(.broken, ErrorQueue.take() ?? "the session is broken") }
        return nil
    }

    /// Tells the peer that nothing more follows.
    mutating func shutDown() {
        ErrorQueue.clear()
        _ = SSL_shutdown(ssl)
        ErrorQueue.clear()
    }

    private var facts: TLSFacts {
        let verdict = SSL_get_verify_result(ssl)
        let peer = SSL_get1_peer_certificate(ssl)
        defer { X509_free(peer) }
        let verification: TLSFacts.Verification =
            peer == nil ? .absent : verdict == X509_V_OK && context.verifies ? .verified : .failed(Self.text(ofVerdict: verdict))
        return TLSFacts(
            version: String(cString: SSL_get_version(ssl)), cipher: String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))),
            peerSubject: peer.map { Self.subject(of: $0) } ?? [], verification: verification, isResumed: SSL_session_reused(ssl) == 1,
            serverName: SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { Self.printable(String(cString: $0)) })
    }

    private static func text(ofVerdict verdict: Int) -> String { String(cString: X509_verify_cert_error_string(verdict)) }

    /// `["C=DE", "O=Example", "CN=mx.example.com"]`: RFC 4514 names, in the order of the certificate. Bounded: a peer chooses them.
    private static func subject(of certificate: OpaquePointer) -> [String] {
        guard let name = X509_get_subject_name(certificate) else { return [] }
        return (0..<min(X509_NAME_entry_count(name), 16)).compactMap { index in
            guard let entry = X509_NAME_get_entry(name, index) else { return nil }
            var utf8: UnsafeMutablePointer<UInt8>?
            let length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry))
            guard length >= 0, let utf8 else { return nil }
            defer { CRYPTO_free(utf8, #file, #line) }
            let kind = OBJ_nid2sn(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry))).map { String(cString: $0) } ?? "?"
            return "\(kind)=\(printable(String(decoding: UnsafeBufferPointer(start: utf8, count: Int(length)), as: UTF8.self)))"
        }
    }

    /// At most 255 characters, none of which could forge a line of a log.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(255).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    }
}

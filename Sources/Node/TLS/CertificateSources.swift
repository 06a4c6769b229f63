import Platform
import Resources
import Shaping
import TLS

/// *Value*: where the certificate of one listener comes from.
struct CertificateSources: Sendable, Hashable {
    let certificate: KeySource
    let key: KeySource
    let clientAuthorities: KeySource?

    /// Those of a listener; nil when it has no certificate of its own.
    init?(_ config: ESMTPListenerConfig) {
        guard let certificate = config.tlsCertificate, let key = config.tlsPrivateKey else { return nil }
        self.certificate = certificate
        self.key = key
        clientAuthorities = config.tlsRequiredClientCA
    }

    /// What was read of it.
    struct Texts: Sendable, Hashable {
        var certificate: [UInt8]
        var key: [UInt8]
        var clientAuthorities: [UInt8]?
    }

    /// Reads all of it. Blocks.
    func read() throws(NodeError) -> Texts {
        var texts = Texts(certificate: try Self.bytes(certificate), key: try Self.bytes(key))
        if let clientAuthorities { texts.clientAuthorities = try Self.bytes(clientAuthorities) }
        return texts
    }

    /// Checks what was read, and makes it ready for use.
    func context(_ texts: Texts) throws(TLSError) -> ServerContext {
        try ServerContext([try certificate(texts)], clientAuthorities: try authorities(texts))
    }

    private func certificate(_ texts: Texts) throws(TLSError) -> Certificate {
        let isInline = if case .data = certificate { true } else { false }
        return try Certificate(
            certificate: texts.certificate, key: texts.key, certificateName: isInline ? "tls_certificate" : certificate.name,
            keyName: isInline ? "tls_private_key" : key.name, now: WallInstant.now().unixNanoseconds / 1_000_000_000)
    }

    private func authorities(_ texts: Texts) throws(TLSError) -> Authorities? {
        guard let pem = texts.clientAuthorities, let clientAuthorities else { return nil }
        return try Authorities(pem, named: clientAuthorities.name)
    }

    static func bytes(_ source: KeySource) throws(NodeError) -> [UInt8] {
        switch source {
        case .data(let text): return Array(text.utf8)
        case .file(let path):
            guard let text = try FileText.read(path) else { throw NodeError("there is no file \(path)") }
            return Array(text.utf8)
        }
    }
}

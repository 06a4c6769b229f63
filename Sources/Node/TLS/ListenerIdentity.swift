import Options
import Resources
import Shaping
import TLS
import Telemetry

/// *Value*: the certificate of one listener: read at the start, and again when its files change.
///
/// *Diagnostics.* At the start files that cannot be used end it, with a sentence that names them. Later they are logged, once for each thing that
/// is wrong, and the certificate in use stays.
struct ListenerIdentity: Sendable {
    /// What sessions are shown.
    let current: ServerIdentity
    /// Reads the files again; nil when there are none.
    let watch: CertificateWatch?

    /// The certificate that the policy names; without one, a certificate made here.
    init(_ config: ESMTPListenerConfig, hostname: String) throws {
        let name = config.hostname ?? hostname
        guard let sources = CertificateSources(config) else {
            let authorities = try config.tlsRequiredClientCA.map { source in
                try Authorities(CertificateSources.bytes(source), named: source.name)
            }
            current = ServerIdentity(try ServerContext([.selfSigned(for: name)], clientAuthorities: authorities))
            watch = nil
            Self.sayThatItIsSelfMade(config)
            return
        }
        do {
            let texts = try sources.read()
            current = ServerIdentity(try sources.context(texts))
            watch = CertificateWatch(sources, texts, identity: current)
        } catch {
            throw NodeError("the listener on \(config.listen.text) has no certificate: \(error)")
        }
    }

    private static func sayThatItIsSelfMade(_ config: ESMTPListenerConfig) {
        Log.warn(
            "this listener has no certificate: it made one itself, which encrypts and proves nothing. Two lines install a real one",
            [
                "listener": config.listen.text, "line1": "tls_certificate = '/etc/apus/tls/fullchain.pem'",
                "line2": "tls_private_key = '/etc/apus/tls/privkey.pem'",
            ])
    }
}

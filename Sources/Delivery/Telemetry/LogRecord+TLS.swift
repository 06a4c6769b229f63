package import TLS
package import Telemetry

extension LogRecord {
    /// Notes how the session was encrypted.
    package mutating func note(_ tls: TLSFacts?) {
        guard let tls else { return }
        tlsCipher = tls.cipher
        tlsProtocolVersion = tls.version
        tlsPeerSubjectName = tls.peerSubject
    }
}

import Options
import Policy
import SMTP
import Shaping
import TLS

/// *Loop-confined*: the meta values of a session; all of them are copied to each of its messages.
final class SessionMeta: PolicyConnection {
    private var values: [(key: String, value: ConfigValue)] = []
    private var cached: [(key: String, value: String)]?

    /// The values that every connection of the listener starts with.
    package init(listener meta: [String: ConfigValue]) {
        values = meta.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The predefined values of a session.
    func fill(_ facts: SessionFacts, listener: ListenerGate) {
        set("reception_protocol", "ESMTP")
        set("received_via", facts.localText)
        set("received_from", facts.peerText)
        set("hostname", listener.hostname)
    }

    /// What is known of the encryption.
    func fill(_ tls: TLSFacts) {
        set("reception_protocol", "ESMTPS")
        set("tls_cipher", tls.cipher)
        set("tls_protocol_version", tls.version)
        // Only clients that showed a certificate have one.
        setMeta("tls_peer_subject_name", tls.peerSubject.isEmpty ? .null : .list(tls.peerSubject.map { .string($0) }))
    }

    /// Sets a text.
    package func set(_ key: String, _ text: String) { setMeta(key, .string(text)) }

    /// A value; null when there is none.
    package func meta(_ key: String) -> ConfigValue { values.last { $0.key == key }?.value ?? .null }

    func setMeta(_ key: String, _ value: ConfigValue) {
        values.removeAll { $0.key == key }
        if value != .null { values.append((key, value)) }
        cached = nil
    }

    /// The values as JSON texts; made once per change, not per message.
    var stored: [(key: String, value: String)] {
        if let cached { return cached }
        let made = values.map { (key: $0.key, value: $0.value.jsonText) }
        cached = made
        return made
    }
}

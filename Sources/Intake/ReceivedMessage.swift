import Delivery
package import Message
package import NIOCore
package import Options
import Policy
import SMTP
import Shaping
package import Spool

/// *Loop-confined*: a message on its way in: what the policy sees and changes before the spool takes it.
package final class ReceivedMessage: PolicyMessage {
    /// The message id.
    package let messageID: MessageID
    /// The reverse path.
    package let sender: EnvelopeAddress
    /// Its recipients; at least one.
    package let recipients: [EnvelopeAddress]
    /// When it came, Unix nanoseconds.
    package let created: Int64
    /// Trace headers and header block.
    package let headers: ByteBuffer
    /// The body as the spool will hold it.
    package let body: SpoolBody
    let bodyLength: Int
    let is8bit: Bool
    /// Meta of the session, shared by its messages; as JSON texts.
    private let sessionMeta: [(key: String, value: String)]
    /// What the policy set on this message.
    private var ownMeta: [(key: String, value: ConfigValue)] = []

    /// A message before its policy hook.
    package init(
        id: MessageID, sender: EnvelopeAddress, recipients: [EnvelopeAddress], created: Int64, headers: ByteBuffer,
        body: SpoolBody, bodyLength: Int, is8bit: Bool, sessionMeta: [(key: String, value: String)]
    ) {
        self.messageID = id
        self.sender = sender
        self.recipients = recipients
        self.created = created
        self.headers = headers
        self.body = body
        self.bodyLength = bodyLength
        self.is8bit = is8bit
        self.sessionMeta = sessionMeta
    }

    /// Bytes of headers and body.
    package var size: Int { headers.readableBytes + bodyLength }

    // MARK: PolicyMessage

    /// The id, 32 hexadecimal digits.
    package var id: String { messageID.hex }
    var numAttempts: Int { 0 }

    func firstHeader(_ name: String) -> String? {
        headers.withUnsafeReadableBytes { HeaderBlock.firstValue(named: name, in: $0) }
    }

    /// A meta value; null when there is none.
    package func meta(_ key: String) -> ConfigValue {
        if let own = ownMeta.last(where: { $0.key == key }) { return own.value }
        guard let text = sessionMeta.last(where: { $0.key == key })?.value else { return .null }
        return ConfigValue(json: text) ?? .string(text)
    }

    func setMeta(_ key: String, _ value: ConfigValue) {
        ownMeta.removeAll { $0.key == key }
        ownMeta.append((key, value))
    }

    /// The scheduled queue that meta and recipient name.
    var queueName: String {
        get throws(UnusableQueue) {
            guard let recipient = recipients.first else { return "" }
            // Most messages have no meta of their own, and then the queue of their domain: no name is put together.
            if ownMeta.isEmpty, !sessionNamesQueue { return recipient.normalizedDomain }
            return try QueueName.text(recipient: recipient) { meta($0) }
        }
    }

    private var sessionNamesQueue: Bool { sessionMeta.contains { QueueName.isNamed(by: $0.key) } }

    /// Whether the message is to be accepted and thrown away.
    var isDiscarded: Bool { (!ownMeta.isEmpty || sessionNamesQueue) && meta("queue") == .string("null") }

    /// Headers and body, as far as they are in memory.
    package var data: [UInt8] {
        var bytes = Array(headers.readableBytesView)
        if case .inline(let buffer) = body { bytes += buffer.readableBytesView }
        return bytes
    }

    /// All meta as the spool keeps it; later entries win.
    var storedMeta: [(key: String, value: String)] {
        guard !ownMeta.isEmpty else { return sessionMeta }
        let changed = Set(ownMeta.map(\.key))
        return sessionMeta.filter { !changed.contains($0.key) }
            + ownMeta.filter { $0.value != .null }.map { ($0.key, $0.value.jsonText) }
    }
}

import Message
package import NIOCore
import Resources
package import SMTP
package import Telemetry

/// *Shared*: the node's accounting logs; every record goes to each of them.
package final class DeliveryLogs: Sendable {
    private let writers: [LogWriter]
    private let nodeID: String
    /// Some log shows header fields.
    package let wantsHeaders: Bool

    /// - Parameter wantsHeaders: whether some log shows header fields.
    package init(writers: [LogWriter], nodeID: String, wantsHeaders: Bool = false) {
        self.wantsHeaders = wantsHeaders
        self.writers = writers
        self.nodeID = nodeID
    }

    /// Whether any log exists; spares building records nobody reads.
    package func wants(_ type: LogRecordType) -> Bool { !writers.isEmpty }

    /// Whether intake should pause: the logs cannot keep up, or their volume is full.
    package var refusal: String? {
        for writer in writers {
            if writer.isCongested { return "load shedding: the log cannot keep up. Try later" }
            if !writer.hasSpace { return "disk is too full: the volume of the log is below its floor" }
        }
        return nil
    }

    /// Hands a record to every log. Never blocks.
    package func submit(_ record: LogRecord) { for writer in writers { writer.submit(record) } }

    /// Ends the segments that are being written; the next record begins new ones.
    package func rotate() { for writer in writers { writer.rotate() } }

    /// Writes what waits and ends the threads. Blocks.
    package func close() { for writer in writers { writer.close() } }

    /// The record of one recipient's outcome.
    /// - Parameter pool: the egress pool of its queue.
    package func record(
        _ type: LogRecordType, _ message: QueuedMessage, _ recipient: AttemptOutcome.Recipient, _ outcome: AttemptOutcome,
        pool: String?
    ) -> LogRecord {
        var record = LogRecord(
            type: type, id: message.id.hex, sender: message.sender.text, recipients: [recipient.address.text],
            timestamp: Clock.wall(), created: message.envelope.created)
        record.queue = message.queue.name
        record.site = outcome.site ?? ""
        record.size = message.envelope.size
        record.response = LogRecord.Response(recipient.reply, command: recipient.command)
        record.peerAddress = outcome.peer.map { LogRecord.Peer(name: $0.name, address: $0.address) }
        record.attempts = message.attempts
        record.egressPool = pool
        record.egressSource = outcome.source
        record.sourceAddress = outcome.sourceAddress.map { LogRecord.SourceAddress(address: $0) }
        record.meta = message.meta
        record.deliveryProtocol = outcome.deliveryProtocol
        if wantsHeaders { record.headers = Self.headers(message.content?.headers) }
        record.nodeID = nodeID
        record.providerName = outcome.provider
        record.sessionID = outcome.sessionID
        record.note(outcome.tls)
        return record
    }

    /// The fields of a header block; the writer picks those its log shows.
    package static func headers(_ block: ByteBuffer?) -> [(name: String, value: String)] {
        block?.withUnsafeReadableBytes { HeaderBlock.allFields(in: $0, limit: 200) } ?? []
    }

    /// A record about a message as it came in.
    package func record(_ type: LogRecordType, id: String, sender: String, recipients: [String], created: Int64) -> LogRecord {
        var record = LogRecord(
            type: type, id: id, sender: sender, recipients: recipients, timestamp: Clock.wall(), created: created)
        record.nodeID = nodeID
        return record
    }
}

extension LogRecord.Response {
    /// Bytes of a server's text in a record.
    private static let contentLimit = 16_384

    /// The reply a server gave, its text cut to 16 KiB, and the command it answers.
    package init(_ reply: Reply, command: String?) {
        self.init(
            code: reply.code,
            enhancedCode: reply.enhanced.map { EnhancedCode(class: $0.class, subject: $0.subject, detail: $0.detail) },
            content: reply.lines.joined(separator: " ").excerpt(Self.contentLimit), command: command)
    }
}

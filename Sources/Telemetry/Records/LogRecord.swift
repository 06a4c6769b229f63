/// One accounting record: one event in the life of one message. *Value.*
///
/// Times are Unix nanoseconds. `meta` values are JSON texts, as the spool keeps them; `headers` values are plain text.
package struct LogRecord: Sendable {
    /// The reply that decided the event.
    package struct Response: Sendable, Hashable {
        /// RFC 3463 status, as three numbers.
        package struct EnhancedCode: Sendable, Hashable {
            package var `class`: Int
            package var subject: Int
            package var detail: Int

            package init(class: Int, subject: Int, detail: Int) {
                self.class = `class`
                self.subject = subject
                self.detail = detail
            }
        }

        package var code: Int
        package var enhancedCode: EnhancedCode?
        package var content: String
        /// The command the reply answers, when there was one.
        package var command: String?

        package init(code: Int, enhancedCode: EnhancedCode? = nil, content: String, command: String? = nil) {
            self.code = code
            self.enhancedCode = enhancedCode
            self.content = content
            self.command = command
        }
    }

    /// Who was at the other end.
    package struct Peer: Sendable, Hashable {
        package var name: String
        package var address: String

        package init(name: String, address: String) {
            self.name = name
            self.address = address
        }
    }

    /// Where a delivery was sent from, and through which proxy.
    package struct SourceAddress: Sendable, Hashable {
        package var address: String
        package var server: String?
        package var `protocol`: String?

        package init(address: String, server: String? = nil, protocol: String? = nil) {
            self.address = address
            self.server = server
            self.protocol = `protocol`
        }
    }

    package var type: LogRecordType
    package var id: String
    package var sender: String
    /// One recipient is logged as a string, several as an array.
    package var recipients: [String]
    package var queue = ""
    /// Name of the ready queue, for events of delivery.
    package var site = ""
    package var size = 0
    package var response = Response(code: 250, content: "")
    package var peerAddress: Peer?
    /// When the event happened.
    package var timestamp: Int64
    /// When the message was received.
    package var created: Int64
    package var attempts = 0
    package var bounceClassification = "Uncategorized"
    package var egressPool: String?
    package var egressSource: String?
    package var sourceAddress: SourceAddress?
    /// JSON text of a feedback report.
    package var feedbackReport: String?
    package var meta: [(key: String, value: String)] = []
    package var headers: [(name: String, value: String)] = []
    package var deliveryProtocol: String?
    package var receptionProtocol: String?
    package var nodeID = ""
    package var tlsCipher: String?
    package var tlsProtocolVersion: String?
    package var tlsPeerSubjectName: [String]?
    package var providerName: String?
    package var sessionID: String?

    package init(
        type: LogRecordType, id: String, sender: String, recipients: [String], timestamp: Int64, created: Int64
    ) {
        self.type = type
        self.id = id
        self.sender = sender
        self.recipients = recipients
        self.timestamp = timestamp
        self.created = created
    }

    /// Roughly the bytes this record keeps in memory; what the writer's byte bound counts.
    package var approximateSize: Int {
        var total = MemoryLayout<LogRecord>.size + id.utf8.count + sender.utf8.count + queue.utf8.count
        total += site.utf8.count + response.content.utf8.count + (feedbackReport?.utf8.count ?? 0)
        for recipient in recipients { total += 32 + recipient.utf8.count }
        for entry in meta { total += 48 + entry.key.utf8.count + entry.value.utf8.count }
        for entry in headers { total += 48 + entry.name.utf8.count + entry.value.utf8.count }
        return total
    }
}

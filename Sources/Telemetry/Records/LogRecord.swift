/// One accounting record: one event in the life of one message. *Value.*
///
/// Times are Unix nanoseconds. `meta` values are JSON texts, as the spool keeps them; `headers` values are plain text.
package struct LogRecord: Sendable {
    /// The reply that decided the event.
    package struct Response: Sendable, Hashable {
        /// RFC 3463 status, as three numbers.
        package struct EnhancedCode: Sendable, Hashable {
            /// 2, 4 or 5.
            package var `class`: Int
            /// The second number (RFC 3463).
            package var subject: Int
            /// The third number.
            package var detail: Int

            /// A code of three numbers.
            package init(class: Int, subject: Int, detail: Int) {
                self.class = `class`
                self.subject = subject
                self.detail = detail
            }
        }

        /// The three digits.
        package var code: Int
        /// The enhanced code, when there was one.
        package var enhancedCode: EnhancedCode?
        /// The text without codes.
        package var content: String
        /// The command the reply answers, when there was one.
        package var command: String?

        /// A reply, and the command it answers.
        package init(code: Int, enhancedCode: EnhancedCode? = nil, content: String, command: String? = nil) {
            self.code = code
            self.enhancedCode = enhancedCode
            self.content = content
            self.command = command
        }
    }

    /// Who was at the other end.
    package struct Peer: Sendable, Hashable {
        /// The name it gave or was found under.
        package var name: String
        /// The address, with the port when it is known.
        package var address: String

        /// The other end of a connection.
        package init(name: String, address: String) {
            self.name = name
            self.address = address
        }
    }

    /// Where a delivery was sent from, and through which proxy.
    package struct SourceAddress: Sendable, Hashable {
        /// Its address, with the port at reception.
        package var address: String
        /// The proxy, if one was used.
        package var server: String?
        /// The protocol of the proxy.
        package var `protocol`: String?

        /// Where a connection came from.
        package init(address: String, server: String? = nil, protocol: String? = nil) {
            self.address = address
            self.server = server
            self.protocol = `protocol`
        }
    }

    /// What happened.
    package var type: LogRecordType
    /// The message id.
    package var id: String
    /// The reverse path.
    package var sender: String
    /// One recipient is logged as a string, several as an array.
    package var recipients: [String]
    /// The scheduled queue.
    package var queue = ""
    /// Name of the ready queue, for events of delivery.
    package var site = ""
    /// Bytes of the message.
    package var size = 0
    /// The reply that decided.
    package var response = Response(code: 250, content: "")
    /// The other end.
    package var peerAddress: Peer?
    /// When the event happened.
    package var timestamp: Int64
    /// When the message was received.
    package var created: Int64
    /// Attempts so far.
    package var attempts = 0
    /// The class of the bounce.
    package var bounceClassification = "Uncategorized"
    /// The pool of the queue.
    package var egressPool: String?
    /// The source of the path.
    package var egressSource: String?
    /// The local end.
    package var sourceAddress: SourceAddress?
    /// JSON text of a feedback report.
    package var feedbackReport: String?
    /// Meta values as JSON texts.
    package var meta: [(key: String, value: String)] = []
    /// Header fields of the message.
    package var headers: [(name: String, value: String)] = []
    /// `ESMTP` or `LMTP`.
    package var deliveryProtocol: String?
    /// `ESMTP`, `SMTP` or `HTTP`.
    package var receptionProtocol: String?
    /// The node.
    package var nodeID = ""
    /// The cipher of the session.
    package var tlsCipher: String?
    /// The version of TLS.
    package var tlsProtocolVersion: String?
    /// The subject of the peer's certificate.
    package var tlsPeerSubjectName: [String]?
    /// The provider of the path.
    package var providerName: String?
    /// The session.
    package var sessionID: String?

    /// A record with what every type has.
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

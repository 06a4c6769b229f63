/// Builds an RFC 5322 message with MIME parts (RFC 2045–2047, 2231, 2387) from its ingredients. *Value*.
///
/// The result depends on the ingredients alone: date and message ID are given, boundaries derive from the content. Lines end with CRLF and have at
/// most 998 bytes, headers at most 78 columns wherever they can be folded. Only mailboxes with an internationalised local part make headers 8-bit
/// (`needsSMTPUTF8`); bodies are 7-bit, except attached messages that are 8-bit themselves.
package struct MessageBuilder: Sendable {
    /// A display name and an address, as headers show them.
    package typealias Mailbox = (name: String?, address: EnvelopeAddress)

    /// The author. May be nil if `headers` has a From.
    package var from: Mailbox?
    /// The To list; no header if empty.
    package var to: [Mailbox]
    /// The Cc list; no header if empty.
    package var cc: [Mailbox]
    /// Where answers go; no header if nil.
    package var replyTo: Mailbox?
    /// The subject, as text; no header if nil. What looks like an encoded word is text as well, and arrives as that text.
    package var subject: String?
    /// `text/plain`.
    package var textBody: String?
    /// `text/html`.
    package var htmlBody: String?
    /// `text/x-amp-html`, placed between the others as AMP asks.
    package var ampHTMLBody: String?
    /// More headers, in order. One that the builder would write from a property that is not set (To, Cc, Reply-To, Subject, From), or from
    /// `date` and `messageID`, takes its place. Bcc and Resent-Bcc are left out.
    package var headers: [(String, String)]
    /// Files and inline objects.
    package var attachments: [Attachment]
    /// Date header, Unix seconds.
    package var date: Int64
    /// Message-ID, with or without angle brackets.
    package var messageID: String

    /// A builder; everything but date and message ID may be set later.
    package init(
        from: Mailbox? = nil,
        to: [Mailbox] = [],
        cc: [Mailbox] = [],
        replyTo: Mailbox? = nil,
        subject: String? = nil,
        textBody: String? = nil,
        htmlBody: String? = nil,
        ampHTMLBody: String? = nil,
        headers: [(String, String)] = [],
        attachments: [Attachment] = [],
        date: Int64,
        messageID: String
    ) {
        self.from = from
        self.to = to
        self.cc = cc
        self.replyTo = replyTo
        self.subject = subject
        self.textBody = textBody
        self.htmlBody = htmlBody
        self.ampHTMLBody = ampHTMLBody
        self.headers = headers
        self.attachments = attachments
        self.date = date
        self.messageID = messageID
    }

    /// The message. Throws rather than send anything the ingredients did not say.
    package func build() throws(MessageBuilderError) -> [UInt8] {
        var message = try headerFields()
        let root = try rootPart()
        let boundaries = try MIMEBoundaries(for: root, seed: messageID)
        message.reserveCapacity(message.count + root.size + 256)
        message += "MIME-Version: 1.0\r\n".utf8
        var depth = 0
        root.write(into: &message, boundaries: boundaries, depth: &depth)
        return message
    }

    /// Whether the headers hold addresses that only SMTPUTF8 can carry (those with a non-ASCII local part).
    package var needsSMTPUTF8: Bool {
        ([from, replyTo].compactMap { $0 } + to + cc).contains { !$0.address.localPart.isASCII }
            || shownHeaders.contains { name, value in
                !value.isASCII && AddressHeader.isOne(name)
                    && (try? AddressHeader.mailboxes(value, field: name))?.contains { !$0.address.localPart.isASCII } == true
            }
    }
}

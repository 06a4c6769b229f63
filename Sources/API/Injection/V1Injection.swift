import Delivery
import Hummingbird
import Intake
import JSON
import Message
import Options
import Resources
import Shaping

/// *Value*: the body of `POST /api/inject/v1`: raw content or a builder, without templates.
struct V1Injection: JSONDecodable, Sendable {
    /// *Value*: a named address.
    struct Mailbox: Sendable {
        var email: String
        var name: String?
    }

    /// *Value*: one recipient.
    struct Recipient: Sendable {
        /// `nil` when it is `null`.
        var email: String?
        var name: String?
        var hasSubstitutions: Bool
        var metadata: [String: ConfigValue]?
    }

    /// *Value*: one attachment.
    struct Part: Sendable {
        var data: String
        var contentType: String
        var contentID: String?
        var fileName: String?
        var isBase64: Bool
    }

    /// *Value*: the parts a message is built of.
    struct Builder: Sendable {
        var textBody: String?
        var htmlBody: String?
        var ampHTMLBody: String?
        var attachments: [Part]
        var headers: [String: String]?
        var from: Mailbox?
        var subject: String?
        var replyTo: Mailbox?
    }

    /// *Value*: either form of content.
    enum Content: Sendable {
        case raw(String)
        case builder(Builder)
    }

    /// *Value*: which trace headers the messages get.
    struct Trace: Sendable {
        var receivedHeader: Bool?
        var supplementalHeader: Bool?
        var headerName: String?
        var includeMetaNames: [String]
    }

    var envelopeSender: String
    /// `nil` for a recipient that is `null`.
    var recipients: [Recipient?]
    var content: Content
    var deferredSpool: Bool
    var trace: Trace?

    /// A header's name is printable ASCII without a colon (RFC 5322 2.2).
    private static func headerName(_ name: String?) throws -> String {
        guard let name else { return "X-KumoRef" }
        guard !name.isEmpty, name.utf8.count <= 64, name.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: ":") }) else {
            throw HTTPError(.badRequest, message: "'trace_headers.header_name' is not the name of a header field")
        }
        return name
    }

    /// One message per recipient.
    func injection(_ rules: InjectionRules = InjectionRules()) throws -> Injection {
        guard !recipients.isEmpty else { throw HTTPError(.badRequest, message: "'recipients' is empty") }
        guard let sender = envelopeSender.isEmpty ? EnvelopeAddress.null : try? EnvelopeAddress.parse(envelopeSender) else {
            throw HTTPError(.badRequest, message: "'envelope_sender' is not an address: \(envelopeSender.prefix(100))")
        }
        var injection = Injection(sender: sender, items: [], deferredSpool: deferredSpool)
        injection.trace = TraceHeaders(
            received: trace?.receivedHeader ?? false, supplemental: trace?.supplementalHeader ?? true,
            supplementalName: try Self.headerName(trace?.headerName), includedMeta: Set(trace?.includeMetaNames ?? []))
        // One buffer for all recipients: raw content is the same for each.
        var raw: [UInt8]?
        if case .raw(let text) = content { raw = try rules.raw(text) }
        for (index, recipient) in recipients.enumerated() {
            guard let recipient, let email = recipient.email else {
                injection.addNull(recipient == nil ? "recipients[\(index)]" : "recipients[\(index)].email")
                continue
            }
            do {
                let address = try EnvelopeAddress.parse(email)
                let bytes = try raw ?? built(sender, address, recipient.name)
                if raw == nil { try rules.checkLoop(bytes) }
                var item = Injection.Item(recipient: address, content: bytes)
                if let metadata = recipient.metadata { item.meta["extra"] = .table(metadata) }
                try injection.add(item)
            } catch let error as HTTPError {
                throw error
            } catch {
                injection.failures.append((email, "\(error)"))
            }
        }
        return injection
    }

    /// The message that the parts make for one recipient.
    private func built(_ sender: EnvelopeAddress, _ recipient: EnvelopeAddress, _ name: String?) throws -> [UInt8] {
        guard case .builder(let parts) = content else { return [] }
        var from: (String?, EnvelopeAddress)? = try parts.from.map { ($0.name, try EnvelopeAddress.parse($0.email)) }
        if from == nil, !sender.isNull, !Injection.names("from", in: parts.headers) { from = (nil, sender) }
        let attachments = try parts.attachments.enumerated().map { index, part in
            var data = Array(part.data.utf8)
            if part.isBase64 {
                guard let decoded = Base64.decode(data) else { throw NodeError("the data of attachment \(index) is not base64") }
                data = decoded
            }
            return Attachment(data: data, contentType: part.contentType, contentID: part.contentID, fileName: part.fileName)
        }
        return try MessageBuilder(
            from: from, to: Injection.names("to", in: parts.headers) ? [] : [(name, recipient)],
            replyTo: try parts.replyTo.map { ($0.name, try EnvelopeAddress.parse($0.email)) }, subject: parts.subject,
            textBody: parts.textBody, htmlBody: parts.htmlBody, ampHTMLBody: parts.ampHTMLBody,
            headers: (parts.headers ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, attachments: attachments,
            date: Clock.wall() / 1_000_000_000, messageID: Injection.messageID(sender: sender)
        ).build()
    }
}

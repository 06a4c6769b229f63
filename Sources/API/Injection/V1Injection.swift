import Delivery
import Foundation
import Hummingbird
import Intake
import Message
import Shaping

/// *Value*: the body of `POST /api/inject/v1`: raw content or a builder, without templates.
struct V1Injection: Decodable, Sendable {
    /// *Value*: a named address.
    struct Mailbox: Decodable, Sendable {
        var email: String
        package var name: String?

        private enum CodingKeys: String, CodingKey, CaseIterable {
            case email, name
        }

        package init(from decoder: any Decoder) throws {
            try decoder.refuseUnknownKeys(CodingKeys.allCases.map(\.stringValue))
            let values = try decoder.container(keyedBy: CodingKeys.self)
            email = try values.decode(String.self, forKey: .email)
            name = try values.decodeIfPresent(String.self, forKey: .name)
        }
    }

    /// *Value*: one recipient.
    struct Recipient: Decodable, Sendable {
        /// `nil` when it is `null`.
        var email: String?
        package var name: String?
        var substitutions: [String: JSONValue]?
        var metadata: [String: JSONValue]?

        private enum CodingKeys: String, CodingKey, CaseIterable {
            case email, name, substitutions, metadata
        }

        package init(from decoder: any Decoder) throws {
            try decoder.refuseUnknownKeys(CodingKeys.allCases.map(\.stringValue))
            let values = try decoder.container(keyedBy: CodingKeys.self)
            email = try values.decode(String?.self, forKey: .email)
            name = try values.decodeIfPresent(String.self, forKey: .name)
            substitutions = try values.decodeIfPresent([String: JSONValue].self, forKey: .substitutions)
            metadata = try values.decodeIfPresent([String: JSONValue].self, forKey: .metadata)
        }
    }

    /// *Value*: one attachment.
    package struct Part: Decodable, Sendable {
        package var data: String
        var content_type: String
        var content_id: String?
        var file_name: String?
        var base64: Bool?

        private enum CodingKeys: String, CodingKey, CaseIterable {
            case data, content_type, content_id, file_name, base64
        }

        package init(from decoder: any Decoder) throws {
            try decoder.refuseUnknownKeys(CodingKeys.allCases.map(\.stringValue))
            let values = try decoder.container(keyedBy: CodingKeys.self)
            data = try values.decode(String.self, forKey: .data)
            content_type = try values.decode(String.self, forKey: .content_type)
            content_id = try values.decodeIfPresent(String.self, forKey: .content_id)
            file_name = try values.decodeIfPresent(String.self, forKey: .file_name)
            base64 = try values.decodeIfPresent(Bool.self, forKey: .base64)
        }
    }

    /// *Value*: the parts a message is built of.
    struct Builder: Decodable, Sendable {
        var text_body: String?
        var html_body: String?
        var amp_html_body: String?
        var attachments: [Part]?
        package var headers: [String: String]?
        package var from: Mailbox?
        var subject: String?
        var reply_to: Mailbox?

        private enum CodingKeys: String, CodingKey, CaseIterable {
            case text_body, html_body, amp_html_body, attachments, headers, from, subject, reply_to
        }

        package init(from decoder: any Decoder) throws {
            try decoder.refuseUnknownKeys(CodingKeys.allCases.map(\.stringValue))
            let values = try decoder.container(keyedBy: CodingKeys.self)
            text_body = try values.decodeIfPresent(String.self, forKey: .text_body)
            html_body = try values.decodeIfPresent(String.self, forKey: .html_body)
            amp_html_body = try values.decodeIfPresent(String.self, forKey: .amp_html_body)
            attachments = try values.decodeIfPresent([Part].self, forKey: .attachments)
            headers = try values.decodeIfPresent([String: String].self, forKey: .headers)
            self.from = try values.decodeIfPresent(Mailbox.self, forKey: .from)
            subject = try values.decodeIfPresent(String.self, forKey: .subject)
            reply_to = try values.decodeIfPresent(Mailbox.self, forKey: .reply_to)
        }
    }

    /// *Value*: either form of content.
    enum Content: Sendable {
        case raw(String)
        case builder(Builder)
    }

    /// *Value*: which trace headers the messages get.
    struct Trace: Decodable, Sendable {
        var received_header: Bool?
        var supplemental_header: Bool?
        var header_name: String?
        var include_meta_names: [String]?

        private enum CodingKeys: String, CodingKey, CaseIterable {
            case received_header, supplemental_header, header_name, include_meta_names
        }

        package init(from decoder: any Decoder) throws {
            try decoder.refuseUnknownKeys(CodingKeys.allCases.map(\.stringValue))
            let values = try decoder.container(keyedBy: CodingKeys.self)
            received_header = try values.decodeIfPresent(Bool.self, forKey: .received_header)
            supplemental_header = try values.decodeIfPresent(Bool.self, forKey: .supplemental_header)
            header_name = try values.decodeIfPresent(String.self, forKey: .header_name)
            include_meta_names = try values.decodeIfPresent([String].self, forKey: .include_meta_names)
        }
    }

    var envelopeSender: String
    /// `nil` for a recipient that is `null`.
    var recipients: [Recipient?]
    package var content: Content
    var deferredSpool: Bool
    var trace: Trace?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case envelope_sender, recipients, content, substitutions, template_dialect, deferred_spool, deferred_generation
        case trace_headers
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.allCases.map(\.stringValue))
        let values = try decoder.container(keyedBy: CodingKeys.self)
        envelopeSender = try values.decode(String.self, forKey: .envelope_sender)
        recipients = try values.decode([Recipient?].self, forKey: .recipients)
        if let raw = try? values.decode(String.self, forKey: .content) {
            content = .raw(raw)
        } else {
            let kind = values.contains(.content) ? values.kind(of: .content) : "an object"
            guard kind == "an object" else {
                throw JSONFault.wrongType(
                    [CodingKeys.content], expected: "a string (a whole message) or an object (parts to build one from)", found: kind)
            }
            content = .builder(try values.decode(Builder.self, forKey: .content))
        }
        deferredSpool = try values.decodeIfPresent(Bool.self, forKey: .deferred_spool) ?? false
        trace = try values.decodeIfPresent(Trace.self, forKey: .trace_headers)
        if let shared = try values.decodeIfPresent([String: JSONValue].self, forKey: .substitutions), !shared.isEmpty {
            throw Self.unsupported(.substitutions, "templates are not supported yet by this version; send finished content")
        }
        if recipients.contains(where: { !($0?.substitutions ?? [:]).isEmpty }) {
            throw Self.unsupported(
                .recipients, "per-recipient substitutions are not supported yet by this version; send one request per text")
        }
        if let dialect = try values.decodeIfPresent(String.self, forKey: .template_dialect), dialect != "Static" {
            guard ["Jinja", "Handlebars"].contains(dialect) else {
                throw Self.unsupported(.template_dialect, "must be Static, Jinja or Handlebars")
            }
            throw Self.unsupported(.template_dialect, "'\(dialect)' is not supported yet by this version; use Static")
        }
        if try values.decodeIfPresent(Bool.self, forKey: .deferred_generation) == true {
            throw Self.unsupported(.deferred_generation, "is not supported yet by this version; leave it out")
        }
    }

    /// A header's name is printable ASCII without a colon (RFC 5322 2.2).
    private static func headerName(_ name: String?) throws -> String {
        guard let name else { return "X-KumoRef" }
        guard !name.isEmpty, name.utf8.count <= 64, name.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: ":") }) else {
            throw HTTPError(.badRequest, message: "'trace_headers.header_name' is no header name")
        }
        return name
    }

    private static func unsupported(_ key: CodingKeys, _ text: String) -> DecodingError {
        JSONFault.at([key], text)
    }

    /// One message per recipient.
    func injection(_ rules: InjectionRules = InjectionRules()) throws -> Injection {
        guard !recipients.isEmpty else { throw HTTPError(.badRequest, message: "'recipients' is empty") }
        guard let sender = envelopeSender.isEmpty ? EnvelopeAddress.null : try? EnvelopeAddress.parse(envelopeSender) else {
            throw HTTPError(.badRequest, message: "'envelope_sender' is not an address: \(envelopeSender.prefix(100))")
        }
        var injection = Injection(sender: sender, items: [], deferredSpool: deferredSpool)
        injection.trace = TraceHeaders(
            received: trace?.received_header ?? false, supplemental: trace?.supplemental_header ?? true,
            supplementalName: try Self.headerName(trace?.header_name), includedMeta: Set(trace?.include_meta_names ?? []))
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
                if let metadata = recipient.metadata { item.meta["extra"] = .table(metadata.mapValues(\.config)) }
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
        let attachments = try (parts.attachments ?? []).enumerated().map { index, part in
            var data = Array(part.data.utf8)
            if part.base64 == true {
                guard let decoded = Base64.decode(data) else { throw NodeError("the data of attachment \(index) is not base64") }
                data = decoded
            }
            return Attachment(data: data, contentType: part.content_type, contentID: part.content_id, fileName: part.file_name)
        }
        return try MessageBuilder(
            from: from, to: Injection.names("to", in: parts.headers) ? [] : [(name, recipient)],
            replyTo: try parts.reply_to.map { ($0.name, try EnvelopeAddress.parse($0.email)) }, subject: parts.subject,
            textBody: parts.text_body, htmlBody: parts.html_body, ampHTMLBody: parts.amp_html_body,
            headers: (parts.headers ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, attachments: attachments,
            date: Clock.wall() / 1_000_000_000, messageID: Injection.messageID(sender: sender)
        ).build()
    }
}

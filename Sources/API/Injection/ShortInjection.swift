import Delivery
import Hummingbird
import Intake
import JSON
import Message
import Options
import Resources
import Shaping

/// *Value*: the body of `POST /api/inject`: `{"from", "to": [..], "subject"?, "body"?, "headers"?, "tenant"?, "campaign"?}`.
struct ShortInjection: JSONDecodable, Sendable {
    var from: String
    /// `nil` for a recipient that is `null`.
    var to: [String?]
    var subject: String?
    var body: String?
    var headers: [String: String]?
    var tenant: String?
    var campaign: String?

    private static let fields = ["from", "to", "subject", "body", "headers", "tenant", "campaign"]

    init(json: JSONValue) throws(JSONFault) {
        try json.refuseUnknownFields(Self.fields)
        from = try json.string("from")
        to = try json.required("to") { value throws(JSONFault) in try Self.recipients(value) }
        subject = try json.optionalString("subject")
        body = try json.optionalString("body")
        headers = try json.optionalTexts("headers")
        tenant = try json.optionalString("tenant")
        campaign = try json.optionalString("campaign")
    }

    /// One address, or a list of them.
    private static func recipients(_ json: JSONValue) throws(JSONFault) -> [String?] {
        switch json {
        case .string(let one): return [one]
        case .array: return try json.asArray { value throws(JSONFault) in value == .null ? nil : try value.asString() }
        case .null, .boolean, .integer, .double, .object:
            throw JSONFault(expected: "a string or an array of strings", found: json.kind)
        }
    }

    /// Builds one message per recipient.
    func injection(_ rules: InjectionRules = InjectionRules()) throws -> Injection {
        guard !to.isEmpty else { throw HTTPError(.badRequest, message: "'to' names no recipient") }
        guard let sender = try? EnvelopeAddress.parse(from) else {
            throw HTTPError(.badRequest, message: "'from' is not an address: \(from.prefix(100))")
        }
        var injection = Injection(sender: sender, items: [])
        if let tenant = try Injection.check(
            "tenant", tenant, make: { text throws(QueueNameError) in try QueueName(tenant: text, domain: "x") })
        {
            injection.meta["tenant"] = .string(tenant)
        }
        if let campaign = try Injection.check(
            "campaign", campaign, make: { text throws(QueueNameError) in try QueueName(campaign: text, domain: "x") })
        {
            injection.meta["campaign"] = .string(campaign)
        }
        for (index, text) in to.enumerated() {
            guard let text else {
                injection.addNull("to[\(index)]")
                continue
            }
            do {
                let recipient = try EnvelopeAddress.parse(text)
                let content = try build(sender: sender, recipient: recipient)
                try rules.checkLoop(content)
                try injection.add(Injection.Item(recipient: recipient, content: content))
            } catch let error as HTTPError {
                throw error
            } catch {
                injection.failures.append((text, "\(error)"))
            }
        }
        return injection
    }

    private func build(sender: EnvelopeAddress, recipient: EnvelopeAddress) throws -> [UInt8] {
        try MessageBuilder(
            from: sender.isNull || Injection.names("from", in: headers) ? nil : (nil, sender),
            to: Injection.names("to", in: headers) ? [] : [(nil, recipient)], subject: subject, textBody: body ?? "",
            headers: (headers ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            date: Clock.wall() / 1_000_000_000, messageID: Injection.messageID(sender: sender)
        ).build()
    }
}

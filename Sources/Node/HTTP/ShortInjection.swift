import Hummingbird
import Message
import Shaping

/// *Value*: the body of `POST /api/inject`: `{"from", "to": [..], "subject"?, "body"?, "headers"?, "tenant"?, "campaign"?}`.
struct ShortInjection: Decodable, Sendable {
    var from: String
    var to: [String]
    var subject: String?
    var body: String?
    var headers: [String: String]?
    var tenant: String?
    var campaign: String?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case from, to, subject, body, headers, tenant, campaign
    }

    init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.allCases.map(\.stringValue))
        let values = try decoder.container(keyedBy: CodingKeys.self)
        from = try values.decode(String.self, forKey: .from)
        if let one = try? values.decode(String.self, forKey: .to) { to = [one] } else { to = try values.decode([String].self, forKey: .to) }
        subject = try values.decodeIfPresent(String.self, forKey: .subject)
        body = try values.decodeIfPresent(String.self, forKey: .body)
        headers = try values.decodeIfPresent([String: String].self, forKey: .headers)
        tenant = try values.decodeIfPresent(String.self, forKey: .tenant)
        campaign = try values.decodeIfPresent(String.self, forKey: .campaign)
    }

    /// Builds one message per recipient.
    func injection() throws -> Injection {
        guard !to.isEmpty else { throw HTTPError(.badRequest, message: "'to' names no recipient") }
        guard let sender = try? EnvelopeAddress.parse(from) else {
            throw HTTPError(.badRequest, message: "'from' is not an address: \(from.prefix(100))")
        }
        var injection = Injection(sender: sender, items: [])
        if let tenant { injection.meta["tenant"] = .string(tenant) }
        if let campaign { injection.meta["campaign"] = .string(campaign) }
        for text in to {
            do {
                let recipient = try EnvelopeAddress.parse(text)
                try injection.add(Injection.Item(recipient: recipient, content: try build(sender: sender, recipient: recipient)))
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
            from: sender.isNull ? nil : (nil, sender), to: [(nil, recipient)], subject: subject, textBody: body ?? "",
            headers: (headers ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            date: Clock.wall() / 1_000_000_000, messageID: Injection.messageID(sender: sender)
        ).build()
    }
}

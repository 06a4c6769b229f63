import Delivery
import Hummingbird
import Intake
import Message
import Shaping

/// *Value*: the body of `POST /api/inject`: `{"from", "to": [..], "subject"?, "body"?, "headers"?, "tenant"?, "campaign"?}`.
struct ShortInjection: Decodable, Sendable {
    package var from: String
    /// `nil` for a recipient that is `null`.
    package var to: [String?]
    var subject: String?
    package var body: String?
    package var headers: [String: String]?
    var tenant: String?
    var campaign: String?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case from, to, subject, body, headers, tenant, campaign
    }

    package init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(CodingKeys.allCases.map(\.stringValue))
        let values = try decoder.container(keyedBy: CodingKeys.self)
        from = try values.decode(String.self, forKey: .from)
        to = try Self.recipients(values)
        subject = try values.decodeIfPresent(String.self, forKey: .subject)
        body = try values.decodeIfPresent(String.self, forKey: .body)
        headers = try values.decodeIfPresent([String: String].self, forKey: .headers)
        tenant = try values.decodeIfPresent(String.self, forKey: .tenant)
        campaign = try values.decodeIfPresent(String.self, forKey: .campaign)
    }

    /// One address, or a list of them.
    private static func recipients(_ values: KeyedDecodingContainer<CodingKeys>) throws -> [String?] {
        if let one = try? values.decode(String.self, forKey: .to) { return [one] }
        guard values.contains(.to) else {
            throw DecodingError.keyNotFound(CodingKeys.to, .init(codingPath: values.codingPath, debugDescription: "no recipients"))
        }
        guard var list = try? values.nestedUnkeyedContainer(forKey: .to) else {
            throw JSONFault.wrongType(
                values.codingPath + [CodingKeys.to], expected: "a string or an array of strings", found: values.kind(of: .to))
        }
        var recipients: [String?] = []
        while !list.isAtEnd { recipients.append(try list.decode(String?.self)) }
        return recipients
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

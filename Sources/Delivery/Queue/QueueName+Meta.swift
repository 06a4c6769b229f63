package import Message
package import Options
import Shaping

/// *Value*: why metadata cannot name a queue. The message is refused with this; dropping what cannot be used would deliver mail around a
/// suspension, or around its routing domain.
package struct UnusableQueue: Error, Sendable, Equatable, CustomStringConvertible {
    /// The meta entry at fault.
    package let key: String
    /// What is wrong with it, and what to set instead.
    package let reason: String

    package var description: String { "the meta value '\(key)' cannot be used: \(reason)" }
}

extension QueueName {
    /// Whether a meta entry chooses a queue. Asked for every entry of every message: by length first.
    package static func isNamed(by key: String) -> Bool {
        switch key.utf8.count {
        case 5: key == "queue"
        case 6: key == "tenant"
        case 8: key == "campaign"
        case 14: key == "routing_domain"
        default: false
        }
    }

    /// The queue that metadata and recipient name, as printed. Empty texts count as not set; whole numbers count as texts.
    package static func text(recipient: EnvelopeAddress, meta: (String) -> ConfigValue) throws(UnusableQueue) -> String {
        if let name = try component("queue", meta) {
            do throws(QueueNameError) { return try QueueName(parsing: name).text } catch {
                throw UnusableQueue(key: "queue", reason: "\(error)")
            }
        }
        let campaign = try component("campaign", meta)
        let tenant = try component("tenant", meta)
        let routing = try component("routing_domain", meta)
        do throws(QueueNameError) {
            return try QueueName(campaign: campaign, tenant: tenant, recipient: recipient, routingDomain: routing).text
        } catch {
            throw UnusableQueue(key: error.component == "domain" ? "recipient" : error.component, reason: "\(error)")
        }
    }

    private static func component(_ key: String, _ meta: (String) -> ConfigValue) throws(UnusableQueue) -> String? {
        switch meta(key) {
        case .null: return nil
        case .string(let text): return text.isEmpty ? nil : text
        case .integer(let number): return String(number)
        case .number(let number):
            guard let whole = Int64(exactly: number) else { throw UnusableQueue(key: key, reason: "it is a fraction; set a text") }
            return String(whole)
        case .bool: throw UnusableQueue(key: key, reason: "it is true or false; set a text")
        case .list, .table: throw UnusableQueue(key: key, reason: "it is a table; set a text")
        }
    }
}

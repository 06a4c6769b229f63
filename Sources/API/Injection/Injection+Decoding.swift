import Hummingbird
package import Intake
import JSON
package import Message
import Options
import Platform
import Policy

extension Injection {
    /// Bytes of content one request may make: each recipient gets a message of its own, and all of them are in memory at once.
    static let contentLimit = 64 << 20

    /// Adds a message within the limit.
    package mutating func add(_ item: Item) throws {
        contentBytes += item.content.count
        guard contentBytes <= Self.contentLimit else {
            throw HTTPError(
                .contentTooLarge,
                message: "the request would make more than \(Self.contentLimit >> 20) MiB of messages; send fewer recipients per request")
        }
        items.append(item)
    }

    /// Whether the caller gives a header itself: a mailing list has its own address in `To`.
    package static func names(_ name: String, in headers: [String: String]?) -> Bool {
        headers?.keys.contains { $0.lowercased() == name } ?? false
    }

    /// Notes a recipient that is `null`, as an application sends one that its database does not have.
    mutating func addNull(_ field: String) {
        failures.append(("null", "\(field) is null; give an address such as name@example.com"))
    }

    /// Checks a part of the queue's name that the request gives.
    package static func check(
        _ field: String, _ text: String?, make: (String) throws(QueueNameError) -> QueueName
    ) throws -> String? {
        guard let text, !text.isEmpty else { return nil }
        do throws(QueueNameError) { _ = try make(text) } catch { throw HTTPError(.badRequest, message: "'\(field)': \(error)") }
        return text
    }

    /// A Message-ID without its angle brackets, in the sender's domain.
    static func messageID(sender: EnvelopeAddress) -> String {
        let high = String(UInt64.random(in: .min ... .max), radix: 36)
        let low = String(UInt64.random(in: .min ... .max), radix: 36)
        return "\(high).\(low)@\(sender.domain.isEmpty ? HostName.current : sender.normalizedDomain)"
    }
}

extension JSONValue {
    /// A field nobody reads is a mistake of the caller: it gets an error with the nearest valid name.
    func refuseUnknownFields(_ known: [String]) throws(JSONFault) {
        for member in try members() where !known.contains(member.name) {
            throw JSONFault(
                unusable: "unknown field\(NearestName.hint(member.name, in: known)); valid are \(known.joined(separator: ", "))"
            ).inside(.member(member.name))
        }
    }
}

import Hummingbird
import JSON
import Message
import Policy
import Shaping

/// *Value*: mail handed in over HTTP, whatever form it came in: one message per recipient.
struct Injection: Sendable {
    /// *Value*: one recipient and the whole message it gets.
    struct Item: Sendable {
        var recipient: EnvelopeAddress
        var content: [UInt8]
        var meta: [String: ConfigValue] = [:]
    }

    var sender: EnvelopeAddress
    var items: [Item]
    private(set) var contentBytes = 0
    /// Recipients that cannot be used, with the reason.
    var failures: [(recipient: String, reason: String)] = []
    var meta: [String: ConfigValue] = [:]
    /// Keep the messages in memory until their first failure.
    var deferredSpool = false
    var trace = TraceHeaders(received: false)
}

/// *Value*: what became of an injection.
struct InjectionResult: Sendable {
    var ids: [String] = []
    var failures: [(recipient: String, reason: String)] = []
    /// The node could not take anything for a reason of its own.
    var unavailable: String?

    /// The answer to the short form.
    var short: JSONValue {
        .object([
            "success_count": .whole(ids.count), "fail_count": .whole(failures.count), "ids": .strings(ids), "errors": .strings(errors),
        ])
    }

    /// The answer to `/api/inject/v1`.
    var v1: JSONValue {
        .object([
            "success_count": .whole(ids.count), "fail_count": .whole(failures.count),
            "failed_recipients": .strings(failures.map(\.recipient)), "errors": .strings(errors),
        ])
    }

    private var errors: [String] { failures.map { "\($0.recipient): \($0.reason)" } }
}

extension Injection {
    /// Bytes of content one request may make: each recipient gets a message of its own, and all of them are in memory at once.
    static let contentLimit = 64 << 20

    /// Adds a message within the limit.
    mutating func add(_ item: Item) throws {
        contentBytes += item.content.count
        guard contentBytes <= Self.contentLimit else {
            throw HTTPError(
                .contentTooLarge,
                message: "the request would make more than \(Self.contentLimit >> 20) MiB of messages; send fewer recipients per request")
        }
        items.append(item)
    }

    /// Whether the caller gives a header itself: a mailing list has its own address in `To`.
    static func names(_ name: String, in headers: [String: String]?) -> Bool {
        headers?.keys.contains { $0.lowercased() == name } ?? false
    }

    /// Notes a recipient that is `null`, as an application sends one that its database does not have.
    mutating func addNull(_ field: String) {
        failures.append(("null", "\(field) is null; give an address such as name@example.com"))
    }

    /// Checks a part of the queue's name that the request gives.
    static func check(
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

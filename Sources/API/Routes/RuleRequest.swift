import Cluster
import Control
import Delivery
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Message
import NIOCore
import Options
import Platform
import Shaping

/// *Value*: the body of a request that issues or ends a rule, its fields checked one by one.
///
/// Fields an endpoint does not take are errors that name those it does: a misspelt criterion must not widen a rule.
struct RuleRequest: Sendable {
    private let fields: [String: ConfigValue]

    /// The criteria that choose queues.
    static let matching = ["domain", "routing_domain", "tenant", "campaign", "queue_names", "everything"]
    static let lifetime = ["duration", "expires"]

    init(_ body: ByteBuffer, allowed: [String], example: String = #"{"domain": "example.com", "reason": "…"}"#) throws {
        guard body.readableBytes > 0 else {
            throw HTTPError(.badRequest, message: "the body is empty; send a JSON object such as \(example)")
        }
        let value: ConfigValue
        do throws(JSONFault) { value = ConfigValue(try JSONValue(parsing: body)) } catch {
            throw HTTPError(.badRequest, message: "\(error.sentence(about: "the body")); send a JSON object such as \(example)")
        }
        guard case .table(let table) = value else {
            throw HTTPError(.badRequest, message: "the body must be a JSON object such as \(example), not \(value.kind)")
        }
        try self.init(table, allowed: allowed)
    }

    init(_ table: [String: ConfigValue], allowed: [String]) throws {
        for key in table.keys.sorted() where !allowed.contains(key) {
            throw HTTPError(
                .badRequest, message: "'\(key.prefix(100))' is not a field of this request; valid are \(allowed.joined(separator: ", "))")
        }
        fields = table.filter { $0.value != .null }
    }

    // MARK: Fields

    func text(_ key: String, limit: Int = 1000) throws -> String? {
        switch fields[key] {
        case nil: return nil
        case .string(let text)?:
            guard text.utf8.count <= limit else { throw HTTPError(.badRequest, message: "'\(key)' is longer than \(limit) bytes") }
            return text
        case let other?: throw HTTPError(.badRequest, message: "'\(key)' must be a text, not \(other.kind)")
        }
    }

    func required(_ key: String) throws -> String {
        guard let text = try text(key), !text.isEmpty else { throw HTTPError(.badRequest, message: "the field '\(key)' is missing") }
        return text
    }

    func flag(_ key: String) throws -> Bool {
        switch fields[key] {
        case nil: return false
        case .bool(let flag)?: return flag
        case let other?: throw HTTPError(.badRequest, message: "'\(key)' must be true or false, not \(other.kind)")
        }
    }

    /// A part of a queue's name; the empty text counts as not given.
    private func part(_ key: String, make: (String) throws(QueueNameError) -> QueueName) throws -> String? {
        guard let text = try text(key, limit: 4096), !text.isEmpty else { return nil }
        do throws(QueueNameError) { _ = try make(text) } catch { throw HTTPError(.badRequest, message: "'\(key)': \(error)") }
        return text
    }

    // MARK: Together

    /// Which queues are meant.
    /// - Parameter nodes: the members; `node` must be one of them.
    func scope(nodes: [String]) throws -> ControlScope {
        var scope = ControlScope(node: try node(of: nodes))
        scope.domain = try part("domain") { text throws(QueueNameError) in try QueueName(domain: text) }
        scope.routingDomain = try part("routing_domain") { text throws(QueueNameError) in try QueueName(domain: "x", routingDomain: text) }
        scope.tenant = try part("tenant") { text throws(QueueNameError) in try QueueName(tenant: text, domain: "x") }
        scope.campaign = try part("campaign") { text throws(QueueNameError) in try QueueName(campaign: text, domain: "x") }
        scope.queues = try queueNames()
        scope.isEverything = try flag("everything")
        if scope.isEverything, scope.hasQueueCriterion {
            throw HTTPError(.badRequest, message: "'everything' and a criterion contradict each other; leave one of them out")
        }
        guard scope.isEverything || scope.hasQueueCriterion else {
            throw HTTPError(
                .badRequest,
                message: "the request names no queue; give domain, routing_domain, tenant, campaign or queue_names, or \"everything\": true"
            )
        }
        return scope.canonical
    }

    private func queueNames() throws -> [String] {
        switch fields["queue_names"] {
        case nil: return []
        case .list(let list)?:
            guard list.count <= 256 else {
                throw HTTPError(.badRequest, message: "'queue_names' may name 256 queues; choose them by another criterion")
            }
            return try list.enumerated().map { index, value in
                guard case .string(let name) = value, !name.isEmpty, name.utf8.count <= QueueName.textLimit else {
                    throw HTTPError(
                        .badRequest,
                        message:
                            "'queue_names' must be a list of names of queues, texts of 1 to \(QueueName.textLimit) bytes; 'queue_names[\(index)]' is \(value.kind)"
                    )
                }
                return name
            }
        case let other?: throw HTTPError(.badRequest, message: "'queue_names' must be a list of names of queues, not \(other.kind)")
        }
    }

    /// The only node that is meant; `nil` for all.
    func node(of nodes: [String]) throws -> String? {
        guard let name = try text("node"), !name.isEmpty else { return nil }
        guard nodes.contains(name) else {
            throw HTTPError(.badRequest, message: "no node is called '\(name)'; the members are \(nodes.joined(separator: ", "))")
        }
        return name
    }

    /// When the rule ends, Unix nanoseconds; `nil` for never. `expires` goes before `duration`.
    func expires(now: Int64, standard: Int64) throws -> Int64? {
        if let text = try text("expires") {
            guard let time = Self.time(text) else {
                throw HTTPError(.badRequest, message: "'expires' must be a time such as 2026-01-31T12:00:00Z (RFC 3339)")
            }
            guard time > now else {
                throw HTTPError(
                    .badRequest,
                    message: "'expires' is over: it is \(MessageDate.rfc3339(unixNanoseconds: now / 1_000_000_000 * 1_000_000_000))")
            }
            return time
        }
        guard let value = fields["duration"] else { return now.addingClamped(standard) }
        if value == .string("forever") { return nil }
        let duration: Int64
        do throws(ConfigError) { duration = DurationText.nanoseconds(try DurationText.parse(value, option: "duration")) } catch {
            throw HTTPError(.badRequest, message: error.message + ", or 'forever'")
        }
        guard duration > 0 else { throw HTTPError(.badRequest, message: "'duration' must be positive") }
        return now.addingClamped(duration)
    }

    private static func time(_ text: String) -> Int64? {
        guard text.utf8.count <= 40 else { return nil }
        for fraction in [false, true] {
            let style = Date.ISO8601FormatStyle(includingFractionalSeconds: fraction)
            if let date = try? style.parse(text) {
                let seconds = date.timeIntervalSince1970
                guard seconds > 0, seconds < 9e9 else { return nil }
                return Int64(seconds * 1000) * 1_000_000
            }
        }
        return nil
    }

    /// What a rebind merges into metadata; names of queues in it are checked.
    func data() throws -> [String: ConfigValue] {
        guard case .table(let data)? = fields["data"], !data.isEmpty else {
            throw HTTPError(
                .badRequest, message: "'data' must be an object with what to set, such as {\"tenant\": \"slow\"}; null removes an entry")
        }
        for (key, value) in data {
            guard !key.isEmpty, key.utf8.count <= 256, key != StoredRecipients.key else {
                throw HTTPError(.badRequest, message: "'data': '\(key.prefix(100))' is not a name for metadata")
            }
            if value == .null { continue }
            func check(_ make: (String) throws(QueueNameError) -> QueueName) throws {
                guard case .string(let text) = value else { throw HTTPError(.badRequest, message: "'data.\(key)' must be a text") }
                do throws(QueueNameError) { _ = try make(text) } catch { throw HTTPError(.badRequest, message: "'data.\(key)': \(error)") }
            }
            switch key {
            case "queue":
                if value == .string("null") {
                    throw HTTPError(
                        .badRequest, message: "'data.queue' null would throw the messages away; use POST /api/admin/bounce/v1 for that")
                }
                try check { text throws(QueueNameError) in try QueueName(parsing: text) }
            case "tenant": try check { text throws(QueueNameError) in try QueueName(tenant: text, domain: "x") }
            case "campaign": try check { text throws(QueueNameError) in try QueueName(campaign: text, domain: "x") }
            case "routing_domain": try check { text throws(QueueNameError) in try QueueName(domain: "x", routingDomain: text) }
            default: break
            }
        }
        return data
    }
}

extension ConfigValue {
    /// What kind of JSON value this is, for error texts.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .number: "a number"
        case .string: "a text"
        case .list: "a list"
        case .table: "an object"
        }
    }
}

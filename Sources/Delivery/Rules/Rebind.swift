package import Cluster
package import Message
package import Options
package import Platform
import Shaping
import Synchronization
import Telemetry

/// *Value*: one rebind as the queues apply it: what is merged into the metadata of the messages that were here when it was issued.
package struct Rebind: Sendable {
    /// The id of the rule.
    package let id: String
    /// Why it was issued.
    package let reason: String
    /// When it was issued: messages received later are not meant.
    let issued: MonotonicInstant
    /// The rule is forgotten then.
    package let expires: MonotonicInstant
    /// Names with JSON texts; `nil` removes the entry.
    package let data: [(key: String, value: String?)]
    /// The messages become due at once.
    let isFlushing: Bool
    let isLogged: Bool
    /// Counts the queues that are still at it.
    package let run: RebindRun

    /// `nil` when the payload is not one (an entry of another version).
    package init?(_ entry: ControlEntry, run: RebindRun, _ clocks: Clocks = .machine) {
        guard case .table(let table)? = ConfigValue(json: entry.payload), case .table(let data)? = table["data"] else { return nil }
        id = entry.id
        reason = entry.reason
        issued = clocks.instant(ofPast: WallInstant(unixNanoseconds: entry.created))
        expires = entry.end.instant
        self.data = data.sorted { $0.key < $1.key }.map { ($0.key, $0.value == .null ? nil : $0.value.jsonText) }
        isFlushing = table["always_flush"] == .bool(true)
        isLogged = table["suppress_logging"] != .bool(true)
        self.run = run
    }

    /// The payload of an entry.
    package static func payload(data: [String: ConfigValue], alwaysFlush: Bool, suppressLogging: Bool) -> String {
        ConfigValue.table(["data": .table(data), "always_flush": .bool(alwaysFlush), "suppress_logging": .bool(suppressLogging)]).jsonText
    }

    /// The metadata with the data merged in; `nil` when nothing changes.
    func merged(into meta: [(key: String, value: String)]) -> [(key: String, value: String)]? {
        var merged = meta
        var isChanged = false
        for (key, value) in data {
            let old = merged.last { $0.key == key }?.value
            guard old != value else { continue }
            isChanged = true
            merged.removeAll { $0.key == key }
            if let value { merged.append((key, value)) }
        }
        return isChanged ? merged : nil
    }

    /// Whether the data can lead to another queue.
    var namesQueue: Bool { data.contains { QueueName.isNamed(by: $0.key) } }

    /// The queue that metadata and recipient name; `nil` when they name none, and the message stays where it is.
    package static func queueName(meta: [(key: String, value: String)], recipient: EnvelopeAddress?) -> String? {
        guard let recipient else { return nil }
        do throws(UnusableQueue) {
            return try QueueName.text(recipient: recipient) { key in
                guard let text = meta.last(where: { $0.key == key })?.value else { return .null }
                return ConfigValue(json: text) ?? .string(text)
            }
        } catch {
            Log.error("a rebound message stays in its queue", ["reason": error.description])
            return nil
        }
    }
}

/// *Shared*: counts the queues that are still at a rebind; the last one reports.
package final class RebindRun: Sendable {
    private let left: Atomic<Int>
    private let finished: @Sendable () -> Void

    /// - Parameter finished: called once, by the last queue; at once when there is none.
    package init(queues: Int, finished: @escaping @Sendable () -> Void) {
        left = Atomic(queues)
        self.finished = finished
        if queues == 0 { finished() }
    }

    /// One queue has nothing left of it.
    func queueIsDone() {
        if left.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { finished() }
    }
}

import Glibc
import Synchronization
import Telemetry

/// *Shared*: the queues an operator has paused, with who and why. Durable: a small file in the spool directory, replaced atomically.
///
/// *Diagnostics*: when the file cannot be written the pause is refused with the reason; a damaged file at start is an error that names it.
package final class PauseList: Sendable {
    /// *Value*: one pause.
    package struct Entry: Sendable, Codable, Equatable {
        package var queue: String
        package var reason: String
        package var issuer: String
        /// Unix seconds.
        package var since: Int64
    }

    private let entries: Mutex<[String: Entry]>
    private let count = Atomic<Int>(0)
    private let file: String

    /// Reads the list that a former run left in `directory`.
    package init(directory: String) throws(NodeError) {
        file = directory + "/paused-queues"
        var found: [String: Entry] = [:]
        if let text = try FileText.read(file) {
            for line in text.split(separator: "\n") {
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
                guard fields.count == 4, let since = Int64(fields[0]) else {
                    throw NodeError("the list of paused queues \(file) is damaged; repair or remove that file and start again")
                }
                found[fields[1]] = Entry(queue: fields[1], reason: fields[3], issuer: fields[2], since: since)
            }
        }
        count.store(found.count, ordering: .relaxed)
        entries = Mutex(found)
    }

    /// Whether the queue is paused. Costs one atomic load when nothing is.
    package func contains(_ queue: String) -> Bool {
        guard count.load(ordering: .relaxed) > 0 else { return false }
        return entries.withLock { $0[queue] != nil }
    }

    package var all: [Entry] { entries.withLock { $0.values.sorted { $0.queue < $1.queue } } }

    /// Pauses a queue, durably.
    package func pause(_ queue: String, reason: String, issuer: String) throws(NodeError) {
        let entry = Entry(
            queue: queue.flattened, reason: reason.flattened, issuer: issuer.flattened, since: Clock.wall() / 1_000_000_000)
        try change { $0[entry.queue] = entry }
    }

    /// Ends a pause, durably; false when the queue was not paused.
    package func resume(_ queue: String) throws(NodeError) -> Bool {
        var existed = false
        try change { existed = $0.removeValue(forKey: queue.flattened) != nil }
        return existed
    }

    private func change(_ edit: (inout [String: Entry]) -> Void) throws(NodeError) {
        let result: Result<Void, NodeError> = entries.withLock { entries in
            var changed = entries
            edit(&changed)
            let text = changed.values.sorted { $0.queue < $1.queue }
                .map { "\($0.since)\t\($0.queue)\t\($0.issuer)\t\($0.reason)\n" }.joined()
            do throws(NodeError) { try FileText.replace(file, with: text) } catch { return .failure(error) }
            entries = changed
            count.store(changed.count, ordering: .relaxed)
            return .success(())
        }
        try result.get()
    }
}

extension String {
    /// The text on one line, without tabs.
    fileprivate var flattened: String { String(map { $0 == "\t" || $0.isNewline ? " " : $0 }.prefix(1000)) }
}

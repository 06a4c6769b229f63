import Synchronization

/// *Shared*: how many messages each bounce rule has ended on this node since it started, by queue.
package final class BounceTallies: Sendable {
    /// *Value*: one rule's counts.
    package struct Tally: Sendable, Equatable {
        /// Messages by queue; of at most `queueLimit` queues.
        package var queues: [String: Int] = [:]
        /// All of them.
        package var total = 0
    }

    /// Queues named per rule; what is beyond counts in the total only.
    static let queueLimit = 10_000

    private let tallies = Mutex<[String: Tally]>([:])

    /// One message of `queue` was bounced by the rule.
    package func note(_ rule: String, queue: String) {
        tallies.withLock { tallies in
            tallies[rule, default: Tally()].total += 1
            guard tallies[rule]?.queues[queue] != nil || (tallies[rule]?.queues.count ?? 0) < Self.queueLimit else { return }
            tallies[rule]?.queues[queue, default: 0] += 1
        }
    }

    /// The counts of a rule.
    package func tally(_ rule: String) -> Tally { tallies.withLock { $0[rule] ?? Tally() } }

    /// Forgets the rules that are not in force any more.
    package func keep(_ rules: Set<String>) { tallies.withLock { tallies in tallies = tallies.filter { rules.contains($0.key) } } }
}

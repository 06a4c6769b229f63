import Synchronization

/// *Shared*: how many bytes of message content the node keeps in memory.
///
/// Content over the budget stays on disk and is read back for its attempt; far over it, intake answers 4xx.
package final class ResidentBudget: Sendable {
    /// The budget in bytes.
    package let limit: Int
    private let used = Atomic<Int>(0)

    package init(limit: Int) { self.limit = limit }

    /// Bytes held now.
    package var bytes: Int { used.load(ordering: .relaxed) }
    /// Whether another content may become resident.
    package var hasRoom: Bool { bytes < limit }
    /// Whether intake should stop: messages on their way in hold more than the budget by half.
    package var isExhausted: Bool { bytes > limit + limit / 2 }

    package func add(_ bytes: Int) { used.wrappingAdd(bytes, ordering: .relaxed) }
    package func remove(_ bytes: Int) { used.wrappingSubtract(bytes, ordering: .relaxed) }
}

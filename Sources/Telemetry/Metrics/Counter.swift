internal import Synchronization

/// A number that only grows. *Shared*; keep the handle, an `add` is one relaxed atomic.
package final class Counter: Sendable {
    private let cell = Atomic<Int>(0)

    init() {}

    /// Adds `amount`; a negative amount is ignored, because a counter that falls reads as a restart.
    package func add(_ amount: Int = 1) {
        guard amount > 0 else { return }
        cell.wrappingAdd(amount, ordering: .relaxed)
    }

    /// The present count.
    package var value: Int { cell.load(ordering: .relaxed) }
}

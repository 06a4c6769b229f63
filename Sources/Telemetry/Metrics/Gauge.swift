internal import Synchronization

/// A number that rises and falls. *Shared*; keep the handle.
package final class Gauge: Sendable {
    private let cell = Atomic<Int>(0)

    init() {}

    /// Replaces the value.
    package func set(_ value: Int) { cell.store(value, ordering: .relaxed) }

    /// Moves the value by `amount`, which may be negative.
    package func add(_ amount: Int) { cell.wrappingAdd(amount, ordering: .relaxed) }

    /// The present value.
    package var value: Int { cell.load(ordering: .relaxed) }
}

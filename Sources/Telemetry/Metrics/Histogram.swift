internal import Synchronization

/// Observations counted into buckets. *Shared*; keep the handle.
///
/// Cells are relaxed and independent: a scrape during an observation may see the bucket before the sum, never a torn number.
package final class Histogram: Sendable {
    /// Most upper bounds a histogram can have; `+Inf` is extra.
    package static let maximumBounds = 31

    private let bounds: [Double]
    private let cells: InlineArray<32, Atomic<Int>>
    private let sumBits = Atomic<UInt64>(0)

    init(bounds: [Double]) {
        precondition(bounds.count <= Self.maximumBounds, "a histogram has at most \(Self.maximumBounds) bounds")
        self.bounds = bounds
        self.cells = InlineArray { _ in Atomic<Int>(0) }
    }

    /// Counts one observation, in the unit of the bounds (seconds by convention). NaN is ignored.
    package func observe(_ value: Double) {
        guard !value.isNaN else { return }
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        cells[index].wrappingAdd(1, ordering: .relaxed)
        var old = sumBits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + value).bitPattern
            let result = sumBits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if result.exchanged { return }
            old = result.original
        }
    }

    /// Counts a duration given in nanoseconds, as seconds.
    package func observe(nanoseconds: Int64) { observe(Double(nanoseconds) / 1e9) }

    /// Observations so far.
    package var count: Int {
        var total = 0
        for index in 0...bounds.count { total += cells[index].load(ordering: .relaxed) }
        return total
    }

    /// Sum of the observations.
    package var sum: Double { Double(bitPattern: sumBits.load(ordering: .relaxed)) }

    /// Observations at or below each bound, then all of them.
    func cumulative() -> [Int] {
        var total = 0
        return (0...bounds.count).map { index in
            total += cells[index].load(ordering: .relaxed)
            return total
        }
    }
}

/// A run of time slots, each good for one take inside its own time. *Value.*
///
/// Slot k opens at `firstOpen + k * interval` and stays open for `tolerance`, both ends included. A slot that closes unused has lapsed:
/// spending it later would put it into a window that was not charged for it.
package struct RateSlots: Sendable, Hashable {
    /// When the first slot opens, in monotonic nanoseconds.
    package private(set) var firstOpen: Int64
    /// The nanoseconds from one opening to the next; 0 when all open together.
    package let interval: Int64
    /// How many nanoseconds after its opening a slot may still be used.
    package let tolerance: Int64
    /// How many slots are left.
    package private(set) var count: Int

    /// A run of slots.
    package init(firstOpen: Int64, interval: Int64, tolerance: Int64, count: Int) {
        self.firstOpen = firstOpen
        self.interval = max(0, interval)
        self.tolerance = max(0, tolerance)
        self.count = max(0, count)
    }

    /// No slot at all.
    package static let none = RateSlots(firstOpen: 0, interval: 0, tolerance: 0, count: 0)

    /// Whether no slot is left.
    package var isEmpty: Bool { count == 0 }
    /// The last moment of the first slot.
    package var firstClose: Int64 { firstOpen + tolerance }
    /// Where the slot after the last one would open.
    package var end: Int64 { firstOpen + Int64(count) * interval }

    /// When the first `n` slots are all open.
    func opening(of n: Int) -> Int64 { firstOpen + Int64(n - 1) * interval }

    /// Drops the slots that have closed before `now`; answers how many.
    package mutating func dropClosed(now: Int64) -> Int {
        guard count > 0, firstClose < now else { return 0 }
        // A tie is kept: the last nanosecond of a slot still belongs to it.
        let closed = interval == 0 ? count : Int(min(Int64(count), (now - firstClose - 1) / interval + 1))
        remove(closed)
        return closed
    }

    /// Takes the first `n` slots away and answers them.
    @discardableResult
    package mutating func remove(_ n: Int) -> RateSlots {
        var taken = self
        taken.count = n
        firstOpen += Int64(n) * interval
        count -= n
        return taken
    }

    /// Drops all but the first `n` slots.
    mutating func keepFirst(_ n: Int) { count = min(count, n) }

    /// Puts slots back in front, if they are the ones that were there; says whether it did.
    package mutating func restore(_ slots: RateSlots) -> Bool {
        if isEmpty {
            self = slots
            return true
        }
        guard slots.interval == interval, slots.tolerance == tolerance, slots.end == firstOpen else { return false }
        firstOpen = slots.firstOpen
        count += slots.count
        return true
    }
}

package import Platform

/// *Value*: the deferred messages of one scheduled queue, earliest due first.
///
/// A binary heap of 16-byte entries: at ten million deferred messages memory is the limit, so an entry holds no object, only the
/// spool's handle. Costs are O(log n) per message that moves and nothing for the others. All times are those of the steady clock.
package struct DueHeap: Sendable {
    private var entries: [DueEntry] = []

    /// An empty heap.
    package init() {}

    /// How many entries there are.
    package var count: Int { entries.count }
    /// Whether nothing waits.
    package var isEmpty: Bool { entries.isEmpty }
    /// The earliest entry.
    package var first: DueEntry? { entries.first }

    /// Adds an entry. O(log n).
    package mutating func insert(_ entry: DueEntry) {
        entries.append(entry)
        siftUp(entries.count - 1)
    }

    /// Removes the earliest entry. O(log n).
    package mutating func popFirst() -> DueEntry? {
        guard let top = entries.first else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            siftDown(0)
        }
        return top
    }

    /// Removes every entry that was received before `limit` and returns them. O(n); callers bound how often.
    package mutating func removeReceived(before limit: MonotonicInstant, atMost most: Int = .max) -> [DueEntry] {
        var removed: [DueEntry] = []
        entries.removeAll { entry in
            guard entry.received < limit, removed.count < most else { return false }
            removed.append(entry)
            return true
        }
        if !removed.isEmpty { heapify() }
        return removed
    }

    /// Removes every entry and returns them, in no order.
    package mutating func removeAll() -> [DueEntry] {
        defer { entries = [] }
        return entries
    }

    /// Makes entries due earlier: at the time `latest` gives, when it gives one. O(n).
    package mutating func advance(latest: (DueEntry) -> MonotonicInstant) {
        var isChanged = false
        for index in entries.indices {
            let limit = latest(entries[index])
            guard limit < entries[index].due else { continue }
            entries[index].due = limit
            isChanged = true
        }
        if isChanged { heapify() }
    }

    /// The entry of a message, if it is here. O(n), for questions of people.
    package func entry(_ handle: UInt32) -> DueEntry? { entries.first { $0.handle == handle } }

    /// When the oldest entry was received. O(n), for listings and expiry scans.
    package var oldest: MonotonicInstant? { entries.lazy.map(\.received).min() }

    /// How many entries are due at `now`. O(number due).
    package func dueCount(at now: MonotonicInstant) -> Int {
        guard !entries.isEmpty else { return 0 }
        var count = 0
        var open = [0]
        while let index = open.popLast() {
            guard entries[index].due <= now else { continue }
            count += 1
            let left = 2 * index + 1
            if left < entries.count { open.append(left) }
            if left + 1 < entries.count { open.append(left + 1) }
        }
        return count
    }

    private mutating func heapify() {
        guard entries.count > 1 else { return }
        for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        let moving = entries[child]
        while child > 0 {
            let parent = (child - 1) / 2
            guard moving.isBefore(entries[parent]) else { break }
            entries[child] = entries[parent]
            child = parent
        }
        entries[child] = moving
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        let moving = entries[parent]
        let count = entries.count
        while true {
            var child = 2 * parent + 1
            guard child < count else { break }
            if child + 1 < count, entries[child + 1].isBefore(entries[child]) { child += 1 }
            guard entries[child].isBefore(moving) else { break }
            entries[parent] = entries[child]
            parent = child
        }
        entries[parent] = moving
    }
}

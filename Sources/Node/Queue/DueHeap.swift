/// *Value*: the deferred messages of one scheduled queue, earliest due first.
///
/// A binary heap of 16-byte entries: at ten million deferred messages memory is the limit, so an entry holds no object, only the
/// spool's handle. Costs are O(log n) per message that moves and nothing for the others.
package struct DueHeap: Sendable {
    /// *Value*: one deferred message.
    package struct Entry: Sendable, Equatable {
        /// Due time, Unix milliseconds.
        package var due: Int64
        /// The spool's handle of the message.
        package var handle: UInt32
        /// Reception time, Unix seconds (good until 2106).
        package var created: UInt32

        package init(due: Int64, handle: UInt32, created: UInt32) {
            self.due = due
            self.handle = handle
            self.created = created
        }
    }

    private var entries: [Entry] = []

    package init() {}

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }
    /// The earliest entry.
    package var first: Entry? { entries.first }

    /// Adds an entry. O(log n).
    package mutating func insert(_ entry: Entry) {
        entries.append(entry)
        siftUp(entries.count - 1)
    }

    /// Removes the earliest entry. O(log n).
    package mutating func popFirst() -> Entry? {
        guard let top = entries.first else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            siftDown(0)
        }
        return top
    }

    /// Removes every entry that was received before `limit` (Unix seconds) and returns them. O(n); callers bound how often.
    package mutating func removeCreated(before limit: UInt32, atMost most: Int = .max) -> [Entry] {
        var removed: [Entry] = []
        entries.removeAll { entry in
            guard entry.created < limit, removed.count < most else { return false }
            removed.append(entry)
            return true
        }
        if !removed.isEmpty { heapify() }
        return removed
    }

    /// Removes every entry and returns them, in no order.
    package mutating func removeAll() -> [Entry] {
        defer { entries = [] }
        return entries
    }

    /// The entry of a message, if it is here. O(n), for questions of people.
    package func entry(_ handle: UInt32) -> Entry? { entries.first { $0.handle == handle } }

    /// The reception time of the oldest entry, Unix seconds. O(n), for listings and expiry scans.
    package var oldestCreated: UInt32? { entries.lazy.map(\.created).min() }

    /// How many entries are due at `now` (Unix milliseconds). O(number due).
    package func dueCount(at now: Int64) -> Int {
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
            guard moving.due < entries[parent].due else { break }
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
            if child + 1 < count, entries[child + 1].due < entries[child].due { child += 1 }
            guard entries[child].due < moving.due else { break }
            entries[parent] = entries[child]
            parent = child
        }
        entries[parent] = moving
    }
}

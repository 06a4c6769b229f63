/// Puts records in order that are nearly so: threads that share a file read the clock before they reach its lock. *State machine.*
///
/// A record is given out when no earlier one can come any more, which is when one has been seen that is `slack` later. Memory is bounded
/// by what falls into the slack, and by `capacity`.
package struct RecordOrder: Sendable {
    private var heap: [CheckRecord] = []
    private var newest = Int64.min
    private var given = Int64.min
    private let slack: Int64
    private let capacity: Int
    private let source: String
    private var isEnded = false

    /// An empty order for the records of `source`.
    package init(slack: Int64, capacity: Int = 1 << 22, source: String) {
        self.slack = max(0, slack)
        self.capacity = capacity
        self.source = source
    }

    /// The next record in order, if it is known.
    package var first: CheckRecord? {
        guard let first = heap.first, isEnded || newest - first.time > slack else { return nil }
        return first
    }

    /// How many records wait.
    package var count: Int { heap.count }

    /// Adds the record of that line.
    package mutating func add(_ record: CheckRecord, line: Int) throws(CheckError) {
        guard record.time >= given else {
            throw CheckError(
                .order,
                "\(source): about line \(line): a record is \(given - record.time) ns older than one already counted; raise --slack")
        }
        guard heap.count < capacity else {
            throw CheckError(.bound, "\(source): more than \(capacity) records within the slack; lower --slack")
        }
        newest = max(newest, record.time)
        heap.append(record)
        var at = heap.count - 1
        while at > 0, heap[at] < heap[(at - 1) / 2] {
            heap.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    /// No more will come: all that waits is in order.
    package mutating func end() { isEnded = true }

    /// Takes `first` out.
    package mutating func take() -> CheckRecord? {
        guard let first else { return nil }
        given = first.time
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var at = 0
            while true {
                var least = at
                for child in [2 * at + 1, 2 * at + 2] where child < heap.count && heap[child] < heap[least] { least = child }
                if least == at { break }
                heap.swapAt(at, least)
                at = least
            }
        }
        return first
    }
}

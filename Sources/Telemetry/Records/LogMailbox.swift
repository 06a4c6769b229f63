/// What waits between the loops and one log thread. *State machine*; `LogWriter` holds it under its lock.
///
/// Up to `capacity` records wait freely. Beyond that records are still kept, in an overflow bounded by bytes, and the box
/// says it is congested, so that intake stops making more of them; only outcomes of work in flight still arrive. When the
/// overflow is full too the *newest* record is refused: what was kept stays gapless up to one point, and the caller counts
/// and reports each loss.
struct LogMailbox {
    /// What became of a record.
    enum Outcome: Equatable {
        case kept(wake: Bool)
        case overflowed(wake: Bool)
        case lost
    }

    private enum Reader {
        /// Sleeps until the first record.
        case idle
        /// Lets records gather; wakes early only for many.
        case lingering
        case awake
    }

    private static let chunk = 512
    private static let many = 4_096

    private let capacity: Int
    private let overflowLimit: Int
    private var chunks: [[LogRecord]] = []
    private var overflowBytes = 0
    private var reader = Reader.awake
    private(set) var count = 0
    private(set) var isClosed = false
    private(set) var isCongested = false

    init(capacity: Int, overflowLimit: Int) {
        self.capacity = max(capacity, 1)
        self.overflowLimit = max(overflowLimit, 0)
    }

    mutating func submit(_ record: LogRecord) -> Outcome {
        guard !isClosed else { return .lost }
        let isOverflow = count >= capacity
        if isOverflow {
            isCongested = true
            let size = record.approximateSize
            guard overflowBytes + size <= overflowLimit else { return .lost }
            overflowBytes += size
        }
        if chunks.isEmpty || chunks[chunks.count - 1].count >= Self.chunk {
            chunks.append([])
            chunks[chunks.count - 1].reserveCapacity(Self.chunk)
        }
        chunks[chunks.count - 1].append(record)
        count += 1
        let wake = wakes()
        return isOverflow ? .overflowed(wake: wake) : .kept(wake: wake)
    }

    /// The oldest records, at most one chunk; empty when none wait.
    mutating func take() -> [LogRecord] {
        guard !chunks.isEmpty else { return [] }
        let records = chunks.removeFirst()
        count -= records.count
        if count <= capacity { overflowBytes = 0 }
        if count <= capacity / 2 { isCongested = false }
        return records
    }

    /// The reader is about to wait for the first record; false when it should not wait.
    mutating func willSleep() -> Bool {
        guard count == 0, !isClosed else { return false }
        reader = .idle
        return true
    }

    /// The reader is about to let records gather for a moment; false when it should not wait.
    mutating func willLinger() -> Bool {
        guard count < Self.many, !isClosed else { return false }
        reader = .lingering
        return true
    }

    mutating func didWake() { reader = .awake }

    /// No more records are taken in; what waits can still be taken out.
    mutating func close() { isClosed = true }

    private mutating func wakes() -> Bool {
        switch reader {
        case .awake: return false
        case .idle: break
        case .lingering: guard count >= Self.many else { return false }
        }
        reader = .awake
        return true
    }
}

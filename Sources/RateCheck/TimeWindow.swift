/// The times of the last window, oldest first. *Value*: a ring that grows to what one window holds, and no further than `capacity`.
struct TimeWindow: Sendable {
    private var ring: [Int64] = []
    private var head = 0
    private(set) var count = 0
    private let length: Int64
    private let capacity: Int

    /// An empty window of that length.
    init(length: Int64, capacity: Int) {
        self.length = length
        self.capacity = capacity
    }

    /// The oldest time still inside.
    var oldest: Int64? { count > 0 ? ring[head] : nil }

    /// Adds a time, which is no earlier than those before, and drops what is further back than the window is long. Both ends belong to a
    /// window: it is closed.
    mutating func add(_ time: Int64) throws(CheckError) {
        while count > 0, time - ring[head] > length {
            head = head + 1 == ring.count ? 0 : head + 1
            count -= 1
        }
        if count == ring.count { try grow() }
        var at = head + count
        if at >= ring.count { at -= ring.count }
        ring[at] = time
        count += 1
    }

    private mutating func grow() throws(CheckError) {
        guard count < capacity else { throw CheckError(.bound, "one window holds more than \(capacity) records") }
        var larger = [Int64](repeating: 0, count: min(capacity, max(64, 2 * count)))
        for k in 0..<count { larger[k] = ring[(head + k) % ring.count] }
        ring = larger
        head = 0
    }
}

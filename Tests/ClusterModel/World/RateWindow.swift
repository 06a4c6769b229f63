/// The promise of one rate, checked send by send in true time: no closed window of length P holds more than L. *State machine.*
struct RateWindow {
    private let limit: Int
    private let period: Int64
    private var times: [Int64] = []
    private var counts: [Int32] = []
    private var head = 0
    private var inside = 0
    /// All sends.
    private(set) var total = 0
    /// The fullest window so far.
    private(set) var worst = 0

    init(limit: Int, period: Int64) {
        self.limit = limit
        self.period = period
    }

    /// Sends at `time`, which is never before the last one. False when a window is too full.
    mutating func add(_ count: Int, at time: Int64) -> Bool {
        // A window is closed at both ends: a send exactly P ago still counts.
        while head < times.count, times[head] < time - period {
            inside -= Int(counts[head])
            head += 1
        }
        if head > 4096, head * 2 > times.count {
            times.removeFirst(head)
            counts.removeFirst(head)
            head = 0
        }
        times.append(time)
        counts.append(Int32(count))
        inside += count
        total += count
        worst = max(worst, inside)
        return inside <= limit
    }

    /// The fullest window as a part of the limit.
    var worstRatio: Double { Double(worst) / Double(limit) }
}

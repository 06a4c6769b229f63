/// How much of a cap is in use over time. *State machine.*
struct Usage {
    private(set) var now = 0
    private(set) var most = 0
    private var since: Int64 = 0
    private var area: Double = 0

    /// The number in use changes at `time`; what came before `from` is not counted.
    mutating func change(by count: Int, at time: Int64, from start: Int64) {
        settle(at: time, from: start)
        now += count
        most = max(most, now)
    }

    /// Counts up to `time`.
    mutating func settle(at time: Int64, from start: Int64) {
        let begin = max(since, start)
        if time > begin { area += Double(now) * Double(time - begin) }
        since = time
    }

    /// The mean over `length`.
    func mean(over length: Int64) -> Double { length > 0 ? area / Double(length) : 0 }
}

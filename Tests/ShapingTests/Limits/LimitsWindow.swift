@testable import Shaping

/// What was taken and when, in any order; the checker of the window promise. *Value.*
struct LimitsWindow {
    private(set) var takes: [(time: Int64, count: Int)] = []

    mutating func add(_ count: Int, at time: Int64) { takes.append((time, count)) }
    mutating func removeLast() { takes.removeLast() }

    var total: Int { takes.reduce(0) { $0 + $1.count } }

    /// The most in any window of that length, both ends included.
    func worst(period: Int64) -> Int {
        let sorted = takes.sorted { $0.time < $1.time }
        var worst = 0
        var sum = 0
        var first = 0
        for take in sorted {
            sum += take.count
            while sorted[first].time < take.time - period {
                sum -= sorted[first].count
                first += 1
            }
            worst = max(worst, sum)
        }
        return worst
    }

    /// How many in [from, to).
    func count(from: Int64, to: Int64) -> Int { takes.reduce(0) { $0 + ($1.time >= from && $1.time < to ? $1.count : 0) } }
}

let millisecond: Int64 = 1_000_000
let second: Int64 = 1_000_000_000

func spec(_ limit: Int, per period: Int64 = second, burst: Int? = nil) -> ThrottleSpec {
    ThrottleSpec(limit: limit, periodNanoseconds: period, maxBurst: burst ?? limit, isLocal: false)
}

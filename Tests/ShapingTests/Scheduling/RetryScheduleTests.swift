import Shaping
import TestSupport
import Testing

@testable import Options

@Suite struct RetryScheduleTests {
    @Test(arguments: [(0, 20), (1, 40), (2, 80), (3, 160), (4, 320), (5, 640), (10, 20_480)])
    func doublesWithoutCap(attempt: Int, minutes: Int) {
        let schedule = RetrySchedule(interval: .seconds(1200), cap: nil)
        #expect(schedule.delay(attempt: attempt) == .seconds(60 * minutes))
        #expect(schedule.delay(attempt: attempt, jitter: 0.5) == .seconds(60 * minutes))
    }

    @Test(arguments: [
        (0, 60), (1, 120), (2, 240), (3, 480), (4, 960), (5, 1200), (6, 1200), (62, 1200), (63, 1200), (Int.max, 1200), (-1, 60),
    ])
    func isCapped(attempt: Int, seconds: Int) {
        let schedule = RetrySchedule(interval: .seconds(60), cap: .seconds(1200))
        #expect(schedule.delay(attempt: attempt) == .seconds(seconds))
    }

    /// ±min(interval/20, 60 s)/2: 20 minutes give 60 s in all, one minute gives 3 s, an hour and more stay at 60 s.
    @Test(arguments: [
        (1200, 0.0, 1170.0), (1200, 1.0, 1230.0), (60, 0.0, 58.5), (60, 0.75, 60.75), (36_000, 0.0, 35_970.0), (36_000, 1.0, 36_030.0),
    ])
    func jitterIsSmallAndSymmetric(interval: Int, unit: Double, expected: Double) {
        #expect(RetrySchedule(interval: .seconds(interval), cap: nil).delay(attempt: 0, jitter: unit) == .seconds(expected))
    }

    @Test(arguments: [30, 52, 62, 63, 64, 1000, Int.max])
    func saturatesInsteadOfOverflowing(attempt: Int) {
        let delay = RetrySchedule(interval: .seconds(1200), cap: nil).delay(attempt: attempt, jitter: 0.999)
        #expect(delay <= DurationText.longest + .seconds(30))
        #expect(delay >= DurationText.longest - .seconds(30))
        let (_, overflow) = Int64(1_900_000_000_000_000_000).addingReportingOverflow(DurationText.nanoseconds(delay))
        #expect(!overflow)
    }

    @Test(arguments: [Double.nan, -.infinity, .infinity, -5, 5])
    func strangeJitterStaysInside(unit: Double) {
        let delay = RetrySchedule(interval: .seconds(60), cap: nil).delay(attempt: 0, jitter: unit)
        #expect(delay >= .milliseconds(58_500) && delay <= .milliseconds(61_500))
    }

    @Test(arguments: [Duration.zero, .seconds(-5), .seconds(Int64.min)])
    func neverZero(interval: Duration) {
        #expect(RetrySchedule(interval: interval, cap: interval).delay(attempt: 0, jitter: 0) >= .milliseconds(1))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func growsMonotonically(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let schedule = RetrySchedule(
            interval: .nanoseconds(Int64.random(in: 1_000_000...(86_400 * 1_000_000_000), using: &random)),
            cap: Bool.random(using: &random) ? .nanoseconds(Int64.random(in: 1...Int64.max, using: &random)) : nil)
        var last = Duration.zero
        for attempt in 0..<80 {
            let delay = schedule.delay(attempt: attempt)
            #expect(delay >= last && delay <= DurationText.longest, "seed \(seed), attempt \(attempt)")
            last = delay
        }
    }
}

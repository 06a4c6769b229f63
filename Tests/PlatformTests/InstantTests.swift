import Glibc
import Testing

@testable import Platform

@Suite struct InstantTests {
    private static let extremes: [Int64] = [.min, .min + 1, -1_000_000_000, -1, 0, 1, 1_000_000_000, .max - 1, .max]
    private static let durations: [Duration] = [
        .seconds(Int64.min), .seconds(Int64.max), .nanoseconds(Int64.min), .nanoseconds(Int64.max), .seconds(-5), .zero, .nanoseconds(1),
        .seconds(86_400 * 365 * 300),
    ]

    /// No pair of values traps, and order is kept.
    @Test(arguments: extremes) func arithmeticSaturates(_ start: Int64) {
        let steady = MonotonicInstant(nanoseconds: start)
        let wall = WallInstant(unixNanoseconds: start)
        for duration in Self.durations {
            let isForward = duration > .zero
            #expect(isForward ? steady + duration >= steady : steady + duration <= steady)
            #expect(isForward ? steady - duration <= steady : steady - duration >= steady)
            #expect(isForward ? wall + duration >= wall : wall + duration <= wall)
            #expect(isForward ? wall - duration <= wall : wall - duration >= wall)
        }
        for other in Self.extremes {
            let difference = steady - MonotonicInstant(nanoseconds: other)
            #expect(start == other ? difference == .zero : (difference > .zero) == (start > other))
            #expect(wall - WallInstant(unixNanoseconds: other) == difference)
        }
    }

    @Test func neverStaysNever() {
        #expect(MonotonicInstant.distantFuture - .seconds(5) == .distantFuture)
        #expect(MonotonicInstant.distantPast + .seconds(5) == .distantPast)
        #expect(WallInstant.distantFuture - .seconds(5) == .distantFuture)
        #expect(WallInstant.distantPast + .seconds(5) == .distantPast)
    }

    @Test(
        arguments: [
            (0, 0, 1_000_000_000), (-1, 5, 1_000_000_000), (.min, 0, 1_000_000_000), (0, 999_999_999, 1_000_000_000),
            (1, 5, 1_000_000_005), (1_800_000_000, 7, 1_800_000_000_000_000_007), (2, -5, 2_000_000_000),
            (2, .max, 2_999_999_999),
            // 2262-04-11T23:47:16Z, the last second that fits, and what comes behind it.
            (9_223_372_036, 854_775_807, ClockReading.latest), (9_223_372_037, 0, ClockReading.latest),
            (253_402_300_799, 0, ClockReading.latest), (.max, .max, ClockReading.latest),
        ] as [(Int64, Int64, Int64)])
    func readingsAreClamped(_ seconds: Int64, _ nanoseconds: Int64, _ expected: Int64) {
        #expect(ClockReading.clamp(seconds: seconds, nanoseconds: nanoseconds) == expected)
    }

    /// The longest duration an option may have fits behind the latest reading without a trap.
    @Test func theLatestReadingLeavesRoom() {
        #expect(ClockReading.latest + 100 * 366 * 86_400 * 1_000_000_000 > ClockReading.latest)
    }

    @Test func bothClocksGoOn() {
        let steady = MonotonicInstant.now()
        let wall = WallInstant.now()
        #expect(MonotonicInstant.now() >= steady && steady > MonotonicInstant(nanoseconds: 0))
        #expect(wall > WallInstant(unixNanoseconds: 0))
    }
}

@Suite struct ClocksTests {
    private static func clocks(_ steady: Int64, _ wall: Int64) -> Clocks {
        Clocks(steady: { MonotonicInstant(nanoseconds: steady) }, wall: { WallInstant(unixNanoseconds: wall) })
    }

    @Test(
        arguments: [(1_000, 5_000), (86_400_000_000_000, 1), (1, .max - 1), (ClockReading.latest, ClockReading.latest)] as [(Int64, Int64)])
    func conversionsKeepTheDistanceFromNow(_ steady: Int64, _ wall: Int64) {
        let clocks = Self.clocks(steady, wall)
        #expect(clocks.wallTime(of: clocks.now) == clocks.wallNow)
        #expect(clocks.instant(of: clocks.wallNow) == clocks.now)
        #expect(clocks.instant(of: clocks.wallNow - .seconds(7)) == clocks.now - .seconds(7))
        #expect(clocks.wallTime(of: clocks.now - .nanoseconds(1)) == clocks.wallNow - .nanoseconds(1))
        #expect(clocks.wallTime(of: .distantFuture) == .distantFuture)
        #expect(clocks.instant(of: .distantFuture) == .distantFuture)
    }

    /// A message that was received "in the future" is as old as one that was received now.
    @Test func thePastIsNeverLaterThanNow() {
        let clocks = Self.clocks(1_000_000_000, 1_000_000_000)
        #expect(clocks.instant(ofPast: WallInstant(unixNanoseconds: .max)) == clocks.now)
        #expect(clocks.instant(ofPast: WallInstant(unixNanoseconds: 0)) == MonotonicInstant(nanoseconds: 0))
    }
}

@Suite struct NanosecondsTests {
    @Test(
        arguments: [
            (.seconds(1), 1_000_000_000), (.seconds(Int64.max), .max), (.seconds(Int64.min), .min), (.zero, 0), (.nanoseconds(-5), -5),
            (.nanoseconds(Int64.max), .max), (.nanoseconds(Int64.min), .min), (.milliseconds(1500), 1_500_000_000),
        ] as [(Duration, Int64)])
    func durationsAreClamped(_ duration: Duration, _ expected: Int64) { #expect(duration.clampedNanoseconds == expected) }

    @Test func sumsAndDifferencesAreClamped() {
        #expect(Int64.max.addingClamped(1) == .max && Int64.min.addingClamped(-1) == .min && Int64(2).addingClamped(3) == 5)
        #expect(Int64.max.subtractingClamped(-1) == .max && Int64.min.subtractingClamped(1) == .min)
        #expect(Int64(2).subtractingClamped(3) == -1 && Int64(0).subtractingClamped(.min) == .max)
    }

    @Test(arguments: [MonotonicInstant.distantPast, .distantFuture, .now(), .now() + .seconds(5)])
    func waitsOfConditionsAreValid(_ deadline: MonotonicInstant) {
        let time = conditionDeadline(deadline)
        #expect(time.tv_sec >= 0 && (0..<1_000_000_000).contains(time.tv_nsec))
    }
}

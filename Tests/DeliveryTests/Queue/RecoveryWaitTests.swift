import Client
import Options
import Platform
import Policy
import Shaping
import Spool
import TestSupport
import Testing

@testable import Delivery

/// After a restart only wall times are left. A wait is then never longer than the interval that was asked for.
@Suite struct RecoveryWaitTests {
    private func setup(_ bench: Bench, interval: Duration, cap: Duration? = nil) throws -> QueueSetup {
        var table: [String: ConfigValue] = ["retry_interval": .integer(interval.components.seconds)]
        if let cap { table["max_retry_interval"] = .integer(cap.components.seconds) }
        return QueueSetup(
            config: try QueueConfig(table), poolName: "unspecified", sources: [], refreshAt: .distantFuture, limiter: nil)
    }

    /// Attempts so far, how long the disk says it waits, and how long it may wait at most; the interval is 60 s.
    @Test(
        arguments: [
            (1, 7260, 62), (1, 30, 30), (1, -50, -50), (2, 7320, 122), (2, 100, 100), (5, 1_000_000_000, 962), (1, 61, 61),
            (20, 1_000_000_000, 3_602),
        ] as [(Int, Int64, Int64)], [true, false])
    func noWaitIsLongerThanTheSchedule(_ row: (attempts: Int, wait: Int64, most: Int64), _ isKnown: Bool) throws {
        let bench = try Bench()
        let queue = bench.queue()
        let setup = try setup(bench, interval: .seconds(60), cap: .seconds(3600))
        if isKnown { queue.setup = setup }
        let wall = bench.clocks.wall.unixNanoseconds
        queue.recover(due: wall + row.wait * 1_000_000_000, created: wall - 86_400_000_000_000, attempts: row.attempts)
        if !isKnown {
            #expect(queue.isUnchecked == (row.wait > 0))
            if row.wait > 0 { #expect(queue.wakeUp <= bench.clocks.steady, "the policy is read at once") }
            queue.setup = setup
            queue.checkWaits(setup.schedule)
        }
        let wait = try #require(queue.heap.first).due - bench.clocks.steady
        #expect(wait <= .seconds(row.most))
        #expect(wait >= .seconds(min(row.wait, row.most) - 4))
    }

    /// Before its first attempt a message waits for what was asked for when it came.
    @Test(
        arguments: [(0, 3600, 0), (3600, 3600, 3600), (3600, -60, 3600), (3600, -86_400, 3600), (3600, 1800, 1800)]
            as [(Int64, Int64, Int64)])
    func aFirstDeliveryWaitsForWhatWasAsked(_ asked: Int64, _ left: Int64, _ expected: Int64) throws {
        let bench = try Bench()
        let queue = bench.queue()
        let wall = bench.clocks.wall.unixNanoseconds
        // `left` as the clock says after it was set; below zero it was set back.
        let due = wall + (left < 0 ? asked - left : left) * 1_000_000_000
        queue.recover(due: due, created: due - asked * 1_000_000_000, attempts: 0)
        let wait = try #require(queue.heap.first).due - bench.clocks.steady
        #expect(abs((wait - .seconds(expected)).components.seconds) <= 1, "\(wait)")
    }

    /// A message from the future was received now.
    @Test func noMessageIsYoungerThanNew() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let wall = bench.clocks.wall.unixNanoseconds
        queue.recover(due: wall, created: wall + 86_400_000_000_000, attempts: 1)
        #expect(try #require(queue.heap.first).received <= bench.clocks.steady + .seconds(1))
        #expect(try #require(queue.status().oldestAge) < 1)
    }
}

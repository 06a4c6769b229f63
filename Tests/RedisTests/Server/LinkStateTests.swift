import TestSupport
import Testing

@testable import Redis

@Suite struct LinkStateTests {
    static let ms: Int64 = 1_000_000

    @Test func theUsualLife() {
        var state = LinkState()
        #expect(state.admission == .hold)
        #expect(state.start() == .connect)
        #expect(state.start() == .none)
        #expect(state.admission == .hold)
        #expect(state.connected() == .ready)
        #expect(state.admission == .pass)
        state.replied()
        state.close()
        #expect(state.admission == .reject(.closed))
        #expect(state.start() == .none && state.connected() == .none && state.timerFired(now: 9) == .none && state.replaced() == .none)
        #expect(state.failed(.timeout, now: 0, random: 0) == .none)
    }

    /// 50 ms, 100 ms, ... 2 s; half of it may be left out; an answer starts over, a connection alone does not.
    @Test func backoff() {
        var state = LinkState()
        _ = state.start()
        for delay in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000] as [Int64] {
            #expect(state.failed(.refused, now: 7, random: 0) == .wait(until: 7 + delay * Self.ms))
            #expect(state.timerFired(now: 6 + delay * Self.ms) == .wait(until: 7 + delay * Self.ms))
            #expect(state.timerFired(now: 7 + delay * Self.ms) == .connect)
        }
        _ = state.connected()
        _ = state.probed()
        #expect(state.failed(.disconnected, now: 0, random: 0) == .wait(until: 2_000 * Self.ms))
        _ = state.timerFired(now: .max)
        _ = state.connected()
        state.replied()
        #expect(state.failed(.disconnected, now: 0, random: .max) == .wait(until: 50 * Self.ms - Int64(UInt64.max % 25_000_000)))
    }

    @Test func jitterIsAtMostHalf() {
        for seed in UInt64(0)..<200 {
            var random = SeededGenerator(seed: seed)
            var state = LinkState()
            _ = state.start()
            guard case .wait(let until) = state.failed(.disconnected, now: 0, random: random.next()) else {
                Issue.record("no wait")
                return
            }
            #expect((25 * Self.ms...50 * Self.ms).contains(until), "seed \(seed)")
        }
    }

    /// Three failures in a row open the breaker; only a PING in time closes it.
    @Test func breaker() {
        var state = LinkState()
        _ = state.start()
        for round in 1...3 {
            #expect(!state.isOpen)
            #expect(state.connected() == .ready)
            #expect(state.failed(.timeout, now: 0, random: 0) == .wait(until: state.until))
            #expect(state.admission == (round < 3 ? .hold : .reject(.breakerOpen)))
            #expect(state.timerFired(now: .max) == .connect)
        }
        #expect(state.isOpen && state.openings == 1)
        #expect(state.connected() == .probe)
        #expect(state.admission == .reject(.breakerOpen))
        #expect(state.failed(.timeout, now: 0, random: 0) == .wait(until: state.until))
        #expect(state.timerFired(now: .max) == .connect)
        #expect(state.connected() == .probe)
        #expect(state.probed() == .ready)
        #expect(state.admission == .pass && !state.isOpen && state.openings == 1)
    }

    @Test func anAnswerStartsTheCountOver() {
        var state = LinkState()
        _ = state.start()
        for _ in 0..<10 {
            #expect(state.connected() == .ready)
            state.replied()
            _ = state.failed(.timeout, now: 0, random: 0)
            _ = state.timerFired(now: .max)
            _ = state.failed(.disconnected, now: 0, random: 0)
            _ = state.timerFired(now: .max)
        }
        #expect(state.openings == 0)
    }

    @Test func callsThatWaitInVainOpenTheBreaker() {
        var state = LinkState()
        _ = state.start()
        state.heldCallsExpired()
        state.heldCallsExpired()
        #expect(state.admission == .hold)
        state.heldCallsExpired()
        #expect(state.admission == .reject(.breakerOpen))
        #expect(state.connected() == .probe)
    }

    @Test func whatIsSaidToCalls() {
        var state = LinkState()
        _ = state.start()
        _ = state.failed(.refused, now: 0, random: 0)
        #expect(state.admission == .reject(.refused) && state.isRefused)
        _ = state.timerFired(now: .max)
        #expect(state.admission == .reject(.refused) && state.isRefused)
        _ = state.failed(.server("a replica"), now: 0, random: 0)
        #expect(state.admission == .reject(.server("a replica")) && !state.isRefused)
        #expect(state.replaced() == .connect)
        #expect(state.admission == .hold)
    }
}

extension LinkState {
    fileprivate var until: Int64 { if case .waiting(let until) = phase { until } else { -1 } }
}

@Suite struct PendingRepliesTests {
    @Test func orderAndDeadlines() {
        var pending = PendingReplies<String>()
        #expect(pending.answered() == nil && pending.nextDeadline == nil && !pending.isExpired(now: .max))
        pending.add("a", deadline: 30)
        pending.add("b", deadline: 10)
        pending.add("c", deadline: 20)
        #expect(pending.nextDeadline == 10)
        #expect(pending.answered() == "a")
        #expect(!pending.isExpired(now: 9) && pending.isExpired(now: 10))
        let drained = pending.drain(now: 15)
        #expect(drained.map(\.waiter) == ["b", "c"] && drained.map(\.isExpired) == [true, false])
        #expect(pending.count == 0 && pending.answered() == nil)
    }
}

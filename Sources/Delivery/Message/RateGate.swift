import Synchronization

/// *Shared*: how many messages a queue with a rate hands out before it knows whether the rate has room for them.
///
/// Slots are taken where MAIL is written (`QueueRate`). A message that finds none comes back; so that few do, one goes ahead after each
/// refusal, and twice as many after each round in which all were granted.
package final class RateGate: Sendable {
    /// *Value*: what the queue may do.
    package enum Answer: Equatable {
        case go
        /// Not before that monotonic time.
        case wait(until: Int64)
        /// Enough are under way; `granted` or `returned` says when to go on.
        case enough
    }

    fileprivate struct State {
        var underWay = 0
        var window = 1
        /// How many were granted since the window grew.
        package var granted = 0
        /// Until when nothing is let out, after a refusal.
        package var until = Int64.min
        var isAwaited = false
    }

    private let state = Mutex(State())
    /// As many as a ready queue holds by default: a source that does not answer keeps its messages until the dial ends, and the others go on.
    private static let widest = 1024

    /// Lets one message out, or says what to wait for.
    package func admit(now: Int64) -> Answer {
        state.withLock { state in
            if now < state.until { return .wait(until: state.until) }
            guard state.underWay < state.window else {
                state.isAwaited = true
                return .enough
            }
            state.underWay += 1
            return .go
        }
    }

    /// A message got its slot; answers whether the queue waits for that.
    package func granted() -> Bool {
        state.withLock { state in
            state.underWay -= 1
            state.granted += 1
            if state.granted >= state.window {
                state.granted = 0
                state.window = min(Self.widest, state.window * 2)
            }
            return state.takeWaiter()
        }
    }

    /// A message that had its slot goes out again without.
    func takeBack() { state.withLock { $0.underWay += 1 } }

    /// A message got none; the next may before long.
    package func refused(until: Int64) {
        state.withLock { state in
            state.underWay -= 1
            // One more than those that have not asked yet: they may be held by a host that does not answer.
            state.window = state.underWay + 1
            state.granted = 0
            state.until = max(state.until, until)
        }
    }

    /// A message came back without having asked; answers whether the queue waits for that.
    package func returned() -> Bool {
        state.withLock { state in
            state.underWay -= 1
            return state.takeWaiter()
        }
    }

    /// Another rate from now on.
    package func forget() { state.withLock { $0.until = .min } }
}

extension RateGate.State {
    fileprivate mutating func takeWaiter() -> Bool {
        guard isAwaited, underWay < window else { return false }
        isAwaited = false
        return true
    }
}

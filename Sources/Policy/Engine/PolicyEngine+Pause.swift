import CLuaShim

/// *value*: handlers that ran for a slice.
///
/// Those that ran for little go first, so that a handler which needs a few slices does not wait for those that will run until their time is over;
/// these have every fourth turn. Within each kind: first come, first served.
struct PausedRuns {
    private var short = RunQueue()
    private var long = RunQueue()
    private var turns = 0
    /// A turn was asked of the host.
    var isScheduled = false
    /// A turn is running; one that comes meanwhile follows it.
    var isRunning = false
    var runsAgain = false

    /// Nanoseconds of running time.
    private static let longTime: Int64 = 20_000_000

    var count: Int { short.count + long.count }

    mutating func append(_ run: consuming PolicyRun) {
        if run.spent < Self.longTime { short.append(run) } else { long.append(run) }
    }

    mutating func popFirst() -> PolicyRun? {
        turns &+= 1
        if turns & 3 == 0, let run = long.popFirst() { return run }
        return short.popFirst() ?? long.popFirst()
    }

    mutating func removeAll() -> [PolicyRun] { short.removeAll() + long.removeAll() }
}

/// *value*: a queue in two stacks.
private struct RunQueue {
    private var front: [PolicyRun] = []
    private var back: [PolicyRun] = []

    var count: Int { front.count + back.count }

    mutating func append(_ run: consuming PolicyRun) { back.append(run) }

    mutating func popFirst() -> PolicyRun? {
        if front.isEmpty { (front, back) = (back.reversed(), []) }
        return front.popLast()
    }

    mutating func removeAll() -> [PolicyRun] {
        defer { (front, back) = ([], []) }
        return front.reversed() + back
    }
}

extension PolicyEngine {
    /// Keeps the handler for a later turn of the loop.
    func pause(_ run: consuming PolicyRun) {
        paused.append(run)
        scheduleTurn()
    }

    /// However many handlers are paused, one slice of one of them runs between two turns of the loop: nobody else waits longer than that.
    private func scheduleTurn() {
        guard !paused.isScheduled, paused.count > 0, let host else { return }
        paused.isScheduled = true
        host.pause { [weak self] in self?.turn() }
    }

    private func turn() {
        guard !isRunning else { return deferred.append { [weak self] in self?.turn() } }
        // A loop, never a call within a call: a host may run the work at once.
        guard !paused.isRunning else {
            paused.runsAgain = true
            return
        }
        paused.isRunning = true
        repeat {
            paused.runsAgain = false
            paused.isScheduled = false
            if let run = paused.popFirst() { proceed(run) }
            scheduleTurn()
        } while paused.runsAgain
        paused.isRunning = false
    }

    private func proceed(_ run: consuming PolicyRun) {
        guard let state else { return }
        isRunning = true
        let outcome = apus_continue(state, run.slot, times.entry(phase, spent: run.spent))
        run.spent += apus_spent_ns(state)
        isRunning = false
        proceed(run, outcome)
        drain()
    }
}

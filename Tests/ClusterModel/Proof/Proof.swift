import Cluster
import Shaping
import Synchronization

/// Runs histories by seed, and tells the first that breaks a promise. *Value.*
package struct Proof: Sendable {
    /// Who is driven.
    package enum Driven: String, Sendable, CaseIterable {
        /// `BucketAgent` and `BucketScript`.
        case product
        /// The stand-in.
        case standIn = "stand-in"
    }

    package var subject = History.Subject.all
    package var only: Set<Fault.Kind>?
    package var driven = Driven.product
    package var defects: Set<Defect> = []
    /// Threads.
    package var jobs = 2
    /// The promises that count; nil = all.
    package var promises: Set<Violation.Promise>?
    /// Go on after a broken promise, and count.
    package var goesOn = false

    /// The product, everything.
    package init() {}

    /// A history that broke a promise.
    package struct Failure: Sendable {
        package var seed: UInt64
        package var history: History
        package var violation: Violation

        /// A failure.
        package init(seed: UInt64, history: History, violation: Violation) {
            self.seed = seed
            self.history = history
            self.violation = violation
        }
    }

    /// What came of it.
    package struct Outcome: Sendable {
        package var tally = Tally()
        package var failures: [Failure] = []
    }

    /// The history of a seed.
    package func history(seed: UInt64) -> History {
        var faults = only
        if driven == .standIn {
            // It knows nothing of clock steps.
            faults = (faults ?? Set(Fault.Kind.allCases)).subtracting([.clockStep])
        }
        var history = History.generate(seed: seed, subject: subject, only: faults)
        if driven == .standIn {
            history.settings.prefix = defects.map(\.rawValue).joined(separator: ",")
            history.leastUse = 0
            history.hasShares = false
            history.settings.crashHold = 0
            for k in history.limits.indices {
                guard let spec = history.limits[k].spec, spec.limit < 3 else { continue }
                history.limits[k].spec = ThrottleSpec(limit: 3, periodNanoseconds: spec.periodNanoseconds)
            }
        }
        return history
    }

    /// Runs `count` histories from `first` on. `progress` is called about every 2 s.
    package func run(first: UInt64, count: Int, progress: @escaping @Sendable (Int, Tally) -> Void = { _, _ in }) -> Outcome {
        let shared = Mutex((next: 0, outcome: Outcome(), shown: Instants.now()))
        Threads.run(max(1, jobs)) { _ in
            let world = makeRunner()
            while true {
                let start = shared.withLock { state -> Int? in
                    guard state.next < count, goesOn || state.outcome.failures.isEmpty else { return nil }
                    defer { state.next += 20 }
                    return state.next
                }
                guard let start else { return }
                var tally = Tally()
                var failures: [Failure] = []
                for index in start..<min(start + 20, count) {
                    let seed = first &+ UInt64(index)
                    let history = history(seed: seed)
                    let (violation, seen) = world(history, nil)
                    tally.add(seen)
                    if let violation, promises?.contains(violation.promise) ?? true {
                        failures.append(Failure(seed: seed, history: history, violation: violation))
                        if !goesOn { break }
                    }
                }
                let due = shared.withLock { state -> (Int, Tally)? in
                    state.outcome.tally.add(tally)
                    state.outcome.failures += failures
                    guard Instants.now() - state.shown > 2 * Time.second else { return nil }
                    state.shown = Instants.now()
                    return (state.outcome.failures.count, state.outcome.tally)
                }
                if let due { progress(due.0, due.1) }
            }
        }
        return shared.withLock { state in
            // Safety first, then by seed.
            state.outcome.failures.sort { ($0.violation.promise.rank, $0.seed) < ($1.violation.promise.rank, $1.seed) }
            return state.outcome
        }
    }

    /// The same failure in fewer parts, and its transcript.
    package func explain(_ failure: Failure, shrinking: Bool, lines: Int = 160) -> String {
        let runner = makeRunner()
        var (history, violation) = (failure.history, failure.violation)
        if shrinking {
            (history, violation) = Shrink(fails: { runner($0, nil).0 }).smallest(of: history, violation)
        }
        let trace = Trace(keeping: lines)
        let (again, _) = runner(history, trace)
        let note = again == nil ? "\n(It did not fail again: the run depends on something beside its seed.)" : ""
        return "history of seed \(failure.seed)\(shrinking ? ", shrunk" : "")\n\(history.text)\n\n\(trace.text)\n\(violation.line)\(note)"
    }

    /// Runs one history that was made by hand.
    package func run(_ history: History) -> (violation: Violation?, tally: Tally) { makeRunner()(history, nil) }

    /// The transcript of a history that need not fail.
    package func transcript(seed: UInt64, lines: Int) -> (Violation?, String) {
        let trace = Trace(keeping: lines)
        let history = history(seed: seed)
        let (violation, _) = makeRunner()(history, trace)
        return (violation, "history of seed \(seed)\n\(history.text)\n\n\(trace.text)")
    }

    /// Runs histories one after another in one world. For one thread.
    private func makeRunner() -> (History, Trace?) -> (Violation?, Tally) {
        switch driven {
        case .product: runner(BucketAgent.self, script: BucketScript.text)
        case .standIn: runner(StandInAgent.self, script: StandInScript.text(defects))
        }
    }

    private func runner<Agent: LimitAgent>(_ agent: Agent.Type, script: String) -> (History, Trace?) -> (Violation?, Tally) {
        let store: FakeStore
        do {
            store = try FakeStore(script: script)
        } catch {
            let violation = Violation(promise: .script, at: 0, text: error.text)
            return { _, _ in (violation, Tally()) }
        }
        let empty = History(seed: 0, duration: 0, settings: ClusterSettings(), nodes: [], limits: [])
        let world = World<Agent>(store: store, history: empty)
        world.defects = defects
        return { history, trace in
            world.trace = trace
            let violation = world.run(history)
            world.tally.histories = 1
            world.tally.virtualTime = history.duration
            return (violation, world.tally)
        }
    }
}

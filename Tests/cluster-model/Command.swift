import ClusterModel
import Glibc

/// What can be asked for.
enum Command {
    static let help = """
        Drives the limiter and the script of the product through invented histories in virtual time, and checks every promise.

          cluster-model                                     10,000 histories of everything
          cluster-model --histories 100000 --seed 7         more of them, others
          cluster-model --kind rates --fault restart-empty kill
          cluster-model --replay 4711 --shrink              one history again: made small, told in lines
          cluster-model --plant amnesia                     with a bug: it must be found
          cluster-model simulate --nodes 1000 --limits 10000 --seconds 60 --buckets 16 --horizon 5000
          cluster-model scenario outage                     8 nodes, the store gone for ten minutes

        --histories N   how many (10000)                    --seed N     the first one (1)
        --kind K        rates, connections, all             --jobs N     threads (2)
        --fault NAME…   only these                          --replay N   the history of that seed
        --shrink        make what fails small (default; --no-shrink)
        --agent A       product, stand-in                   --plant B…   plant bugs
        --promise P…    only these count: R1, R2, R3, R6, recovery, script
        --lines N       length of a transcript (160)        --all        go on after a failure and count

        """

    static func run(_ arguments: inout Arguments) -> CInt {
        if arguments.flag("--help") || arguments.flag("-h") {
            print(help + "faults: \(names(Fault.Kind.self))\nbugs:   \(names(Defect.self))")
            return 0
        }
        do {
            switch arguments.command() {
            case nil: return try prove(&arguments)
            case "simulate": return try simulate(&arguments)
            case "scenario":
                guard arguments.command() == "outage" else { throw UsageError(text: "the scenario is 'outage'") }
                let seed = UInt64(try arguments.number("--seed", 1))
                let nodes = try arguments.number("--nodes", 8)
                try arguments.finish()
                let (text, isGood) = OutageScenario(nodes: nodes, seed: seed).run()
                print(text)
                return isGood ? 0 : 1
            case let word?: throw UsageError(text: "'\(word)' is no command")
            }
        } catch {
            var line = "cluster-model: \((error as? UsageError)?.text ?? "\(error)") (see --help)\n"
            line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
            return 64
        }
    }

    private static func names<T: CaseIterable & RawRepresentable>(_ type: T.Type) -> String where T.RawValue == String {
        T.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private static func named<T: CaseIterable & RawRepresentable>(_ text: String, _ type: T.Type) throws(UsageError) -> T
    where T.RawValue == String {
        guard let value = T(rawValue: text) else { throw UsageError(text: "'\(text)' is none of \(names(type))") }
        return value
    }

    private static func prove(_ arguments: inout Arguments) throws(UsageError) -> CInt {
        var proof = Proof()
        let count = try arguments.number("--histories", 10_000)
        let seed = UInt64(try arguments.number("--seed", 1))
        if let text = try arguments.value("--kind") { proof.subject = try named(text, History.Subject.self) }
        if let text = try arguments.value("--agent") { proof.driven = try named(text, Proof.Driven.self) }
        proof.jobs = try arguments.number("--jobs", 2)
        let faults = try arguments.list("--fault")
        if !faults.isEmpty { proof.only = Set(try faults.map { text throws(UsageError) in try named(text, Fault.Kind.self) }) }
        proof.defects = Set(try arguments.list("--plant").map { text throws(UsageError) in try named(text, Defect.self) })
        let promises = try arguments.list("--promise")
        if !promises.isEmpty {
            proof.promises = Set(try promises.map { text throws(UsageError) in try named(text, Violation.Promise.self) })
        }
        proof.goesOn = arguments.flag("--all")
        let lines = try arguments.number("--lines", 160)
        let replay = try arguments.value("--replay")
        let shrinks = !arguments.flag("--no-shrink")
        let mustShrink = arguments.flag("--shrink")
        try arguments.finish()

        if let replay {
            guard let seed = UInt64(replay) else { throw UsageError(text: "--replay needs a seed") }
            let (violation, text) = proof.transcript(seed: seed, lines: lines)
            if let violation, mustShrink {
                print(
                    proof.explain(
                        .init(seed: seed, history: proof.history(seed: seed), violation: violation), shrinking: true, lines: lines))
            } else {
                print(text)
            }
            return violation == nil ? 0 : 1
        }
        let began = Instants.now()
        let outcome = proof.run(first: seed, count: count) { failures, tally in
            let seconds = Double(Instants.now() - began) / 1e9
            say(
                "\(tally.histories) histories, \(Int(Double(tally.histories) / seconds))/s, \(tally.sends) sends, "
                    + "\(failures) broken promises"
            )
        }
        print(outcome.tally.table)
        print("real time                    \(Time.text(Instants.now() - began))")
        guard let failure = outcome.failures.first else {
            print("\nNo promise was broken.")
            return 0
        }
        if proof.goesOn {
            var counts: [String: Int] = [:]
            for failure in outcome.failures { counts[failure.violation.promise.rawValue, default: 0] += 1 }
            print("\nbroken promises: \(counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))")
            for failure in outcome.failures.prefix(12) { print("  seed \(failure.seed): \(failure.violation.line)") }
        }
        print("\n" + proof.explain(failure, shrinking: shrinks, lines: lines))
        print("\nAgain: cluster-model --replay \(failure.seed) --shrink, with the same --kind, --fault, --agent and --plant.")
        return 1
    }

    /// A line at once, also into a pipe.
    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func simulate(_ arguments: inout Arguments) throws(UsageError) -> CInt {
        let simulation = ScaleSimulation(
            nodes: try arguments.number("--nodes", 1000), limits: try arguments.number("--limits", 10_000),
            seconds: try arguments.number("--seconds", 60), killed: try arguments.number("--kill-percent", 5),
            seed: UInt64(try arguments.number("--seed", 1)), buckets: try arguments.number("--buckets", 4),
            horizon: try arguments.number("--horizon", 1000))
        try arguments.finish()
        print(simulation.run { say($0) })
        return 0
    }
}

import ArgumentParser
import Glibc
import Options
import Shaping

/// How a node decides. *Value.*
enum Algorithm: String, ExpressibleByArgument, CaseIterable {
    case lease, gcra, `static`
}

/// `limit-bench`: one process is one node's limiter without any mail.
@main
struct LimitBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit-bench",
        abstract: "Run one node's limiter without mail and record every grant.",
        discussion: """
            Start one process per node; give all the same --start-at, so that they begin together. lease is what Apus does, gcra one
            naive call per message, static the limit divided by the number of nodes. The figures are one line of JSON on standard output.
            A wait is counted from when the message was ready and its turn at a fair share had come.

            EXAMPLES
              limit-bench --algorithm lease --redis redis://127.0.0.1:6379 --node n0 --nodes 8 --limit 1000/s --record n0.rec
              limit-bench --algorithm static --node n3 --nodes 8 --limit 6000/min --demand 50 --seconds 60
              limit-bench --algorithm lease --redis redis://127.0.0.1:6379 --node n1 --nodes 8 --connections 20 --want 5
            """)

    @Option(help: "lease, gcra or static.")
    var algorithm = Algorithm.lease
    @Option(help: ArgumentHelp("The store.", valueName: "url"))
    var redis = "redis://127.0.0.1:6379"
    @Option(help: ArgumentHelp("This node's name; its digits are its number.", valueName: "name"))
    var node = "n0"
    @Option(help: ArgumentHelp("How many nodes there are.", valueName: "count"))
    var nodes = 1
    @Option(help: ArgumentHelp("The rate that all nodes share.", valueName: "N/period"))
    var limit = "1000/s"
    @Option(help: ArgumentHelp("How many limits of that rate are in use.", valueName: "count"))
    var keys = 1
    @Option(
        help: ArgumentHelp("all: every node has endless mail; one: only node 0; or messages per second of this node.", valueName: "demand"))
    var demand = "all"
    @Option(help: ArgumentHelp("How long to run.", valueName: "seconds"))
    var seconds = 10.0
    @Option(help: ArgumentHelp("Monotonic nanoseconds at which to begin.", valueName: "ns"))
    var startAt: Int64 = 0
    @Option(help: ArgumentHelp("Where grants are recorded.", valueName: "file"))
    var record: String?
    @Option(help: ArgumentHelp("Hold connections instead: the cap that all nodes share.", valueName: "cap"))
    var connections: Int?
    @Option(help: ArgumentHelp("How many connections this node wants at once.", valueName: "count"))
    var want = 4
    @Option(help: ArgumentHelp("How long each is held, more or less.", valueName: "seconds"))
    var hold = 0.5
    @Option(help: "Seed of the holding times.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (1...10_000).contains(nodes), (1...4096).contains(keys), seconds > 0, seconds < 86_400, want >= 0, hold > 0, hold < 3600
        else {
            throw ValidationError("--nodes is 1 to 10000, --keys 1 to 4096, --seconds and --hold positive")
        }
    }

    func run() throws {
        StopFlag.install()
        do {
            let plan = try plan()
            print(try plan.cap == nil ? rates(plan) : permits(plan))
        } catch let error as BenchError {
            say("limit-bench: \(error)")
            throw ExitCode.failure
        } catch let error as ConfigError {
            say("limit-bench: \(error.message)")
            throw ExitCode.failure
        }
    }

    private func plan() throws -> BenchPlan {
        let index = Int(String(node.reversed().prefix { $0.isNumber }.reversed())) ?? 0
        var plan = BenchPlan(
            algorithm: algorithm, url: redis, node: node, index: index, nodes: nodes, spec: try ThrottleSpec(parsing: limit), keys: keys,
            demand: .full, busyNodes: nodes, seconds: seconds, startAt: startAt, cap: connections, wanted: want, holdSeconds: hold,
            seed: seed &+ UInt64(index))
        switch demand {
        case "all": break
        case "one":
            plan.demand = index == 0 ? .full : .none
            plan.busyNodes = 1
        default:
            guard let rate = Double(demand), rate > 0, rate < 1e7 else {
                throw BenchError("'\(demand)' is no demand: write all, one, or messages per second")
            }
            plan.demand = .rate(rate)
        }
        return plan
    }

    private func rates(_ plan: BenchPlan) throws -> String {
        let admission: any RateAdmission
        switch plan.algorithm {
        case .gcra: admission = try NaiveAdmission(spec: plan.spec, url: plan.url)
        case .static:
            let share = ThrottleSpec(limit: max(1, plan.spec.limit / plan.nodes), periodNanoseconds: plan.spec.periodNanoseconds)
            admission = LimiterAdmission(spec: share, keys: plan.keys, root: .local())
        case .lease:
            admission = LimiterAdmission(spec: plan.spec, keys: plan.keys, root: try .cluster(url: plan.url, node: plan.node))
        }
        var loop = RateLoop(plan: plan, admission: admission, file: try record.map { try RecordFile(path: $0, node: plan.index) })
        let start = begin(plan)
        try loop.run(from: start)
        let seconds = Double(BenchClock.now() - start) / 1e9
        let cost = admission.cost
        admission.close()
        return BenchReport(plan: plan, seconds: seconds, events: loop.grants, most: 0, cost: cost, waits: loop.waits).json
    }

    private func permits(_ plan: BenchPlan) throws -> String {
        let cap = plan.cap ?? 1
        let admission: any PermitAdmission
        switch plan.algorithm {
        case .gcra: admission = try NaivePermits(cap: cap, node: plan.node, url: plan.url)
        case .static: admission = LimiterPermits(cap: cap / plan.nodes, root: .local())
        case .lease: admission = LimiterPermits(cap: cap, root: try .cluster(url: plan.url, node: plan.node))
        }
        var loop = ConnectionLoop(plan: plan, admission: admission, file: try record.map { try RecordFile(path: $0, node: plan.index) })
        let start = begin(plan)
        try loop.run(from: start)
        let seconds = Double(BenchClock.now() - start) / 1e9
        let cost = admission.cost
        admission.close()
        return BenchReport(plan: plan, seconds: seconds, events: loop.opened, most: loop.most, cost: cost, waits: loop.waits).json
    }

    private func begin(_ plan: BenchPlan) -> Int64 { max(plan.startAt, BenchClock.now()) }
}

/// One line on standard error.
private func say(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

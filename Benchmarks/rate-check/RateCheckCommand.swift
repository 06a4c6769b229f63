import ArgumentParser
import Glibc
import RateCheck

/// `rate-check`: says whether records of sends keep a limit, and how well it was used.
@main
struct RateCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rate-check",
        abstract: "Check records of sends (or of connections) against a limit in every sliding window.",
        discussion: """
            Text records are 'monotonic_ns key [node]', with --concurrency 'monotonic_ns key +1|-1 [node]'; binary ones are those of
            limit-bench; --sink reads what 'apus sink --record FILE --record-details' writes. Several files are merged by time.
            Ends with code 1 when a limit was exceeded, and with 2 when the records cannot be checked.

            EXAMPLES
              rate-check --limit 1000/s node*.rec
              rate-check --limit 6000/min --sink --from 5s --to 65s --nodes 8 --json accepted.txt
              rate-check --limit 1000/s --after 30s node*.rec        (time until the rate is back after second 30)
              rate-check --concurrency 20 connections.txt
            """)

    @Option(help: ArgumentHelp("The rate, such as 1000/s or 6000/min.", valueName: "N/period"))
    var limit: String?
    @Option(help: ArgumentHelp("Check how many were open at once instead.", valueName: "cap"))
    var concurrency: Int?
    @Flag(help: "The records are those of 'apus sink'; the time is that of MAIL.")
    var sink = false
    @Flag(help: "With --sink: take the time of acceptance.")
    var accepted = false
    @Option(help: ArgumentHelp("Check this key only; by default each is checked for itself.", valueName: "name"))
    var key: String?
    @Flag(help: "Check all keys together, as one limit.")
    var together = false
    @Option(help: ArgumentHelp("Begin of the time measured: 5s (after the first record) or nanoseconds.", valueName: "moment"))
    var from: String?
    @Option(help: ArgumentHelp("End of the time measured.", valueName: "moment"))
    var to: String?
    @Option(help: ArgumentHelp("Measure the time until the rate is back after this moment.", valueName: "moment"))
    var after: String?
    @Option(help: ArgumentHelp("What counts as back: this share of the limit within --back-window.", valueName: "share"))
    var backShare = 0.9
    @Option(help: ArgumentHelp("Seconds of the window for --after.", valueName: "seconds"))
    var backWindow = 1.0
    @Option(help: ArgumentHelp("How many nodes take part; those that sent nothing count for fairness.", valueName: "count"))
    var nodes = 0
    @Option(help: ArgumentHelp("Seconds by which records of a file may be out of order.", valueName: "seconds"))
    var slack = 1.0
    @Flag(help: "Files may end inside a record, as after a kill.")
    var torn = false
    @Flag(help: "Print JSON instead of a table.")
    var json = false
    @Argument(help: "Files; - is standard input.")
    var files: [String]

    func run() throws {
        var run: CheckRun
        do {
            run = try CheckRun(plan: plan())
            try run.check()
        } catch {
            say("rate-check: \(error)")
            throw ExitCode(2)
        }
        print(json ? run.json : run.table)
        if run.isExceeded { throw ExitCode(1) }
    }

    private func plan() throws(CheckError) -> CheckPlan {
        guard (limit == nil) != (concurrency == nil) else { throw CheckError(.option, "give either --limit or --concurrency") }
        guard (0.0...3600).contains(slack), (0.001...86400).contains(backWindow), (0.0...1).contains(backShare) else {
            throw CheckError(.option, "--slack is 0 to 3600, --back-window 0.001 to 86400, --back-share 0 to 1")
        }
        var promise = RatePromise(limit: 1, period: 1)
        if let limit { promise = try RatePromise(parsing: limit) }
        promise.backShare = backShare
        promise.backWindow = Int64(backWindow * 1e9)
        let form: RecordForm = concurrency != nil ? .connections : sink ? .sink(usesMailTime: !accepted) : .rates
        func moment(_ text: String?) throws(CheckError) -> RecordMoment? {
            guard let text else { return nil }
            return try RecordMoment(parsing: text)
        }
        return CheckPlan(
            promise: promise, cap: concurrency, form: form, key: key, together: together, from: try moment(from), to: try moment(to),
            after: try moment(after), nodes: nodes, slack: Int64(slack * 1e9), allowsTorn: torn, files: files)
    }
}

/// One line on standard error.
private func say(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

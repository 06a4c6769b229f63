import ArgumentParser
import Client

/// `apus bounce`: messages end as bounces.
struct Bounce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bounce the messages of queues, and what comes to them for a while.",
        discussion: """
            Every message gets an AdminBounce record and is gone for good: look first with --dry-run. Holds on every node of the cluster.

            EXAMPLES
              apus bounce --campaign spring --dry-run
              apus bounce --campaign spring --reason 'sent by mistake' --duration 30m
              apus bounce --list
              apus bounce --cancel 9f86d081884c7d659a2feaa0c55ad015

            EXIT STATUS
              0 done, 1 refused or no node answers, 64 wrong arguments
            """)

    @OptionGroup var options: Queues.Endpoint
    @OptionGroup var matching: Matching

    @Option(help: "Reason, recorded in each log entry.")
    var reason: String?

    @Option(help: ArgumentHelp("How long arrivals are bounced too, such as 30m, or 'forever'. Default: 5m.", valueName: "time"))
    var duration: String?

    @Option(help: ArgumentHelp("Only on this node.", valueName: "node"))
    var node: String?

    @Flag(help: "Write no records.")
    var suppressLogging = false

    @Flag(help: "Count what would be bounced on this node, and change nothing.")
    var dryRun = false

    @Flag(help: "List the bounces in force.")
    var list = false

    @Option(help: ArgumentHelp("End the bounce with this id; what was bounced stays so.", valueName: "id"))
    var cancel: String?

    func validate() throws {
        if list || cancel != nil { return }
        if matching.isEmpty { throw ValidationError(Matching.missing) }
        if reason == nil, !dryRun { throw ValidationError("give the reason with --reason: it is recorded for each message") }
    }

    func run() async throws {
        try await withClient(options.endpoint) { client in
            if let cancel { return try await end(cancel, client) }
            if list {
                let (rules, raw) = try await client.rules(.bounce)
                if options.json { return print(raw) }
                return print(rules.isEmpty ? "nothing is being bounced" : RuleTable.text(rules, isBounce: true))
            }
            var order = RuleOrder(reason: reason ?? "")
            matching.fill(&order)
            if dryRun {
                let (count, raw) = try await client.bounceCount(order)
                return print(options.json ? raw : Self.text(count))
            }
            order.duration = duration
            order.node = node
            order.suppressLogging = suppressLogging ? true : nil
            let body = try await client.issue(.bounce, order)
            if options.json { return print(body) }
            let count: BounceCount = try client.decode(body)
            print("bouncing; `apus bounce --list` counts, `apus bounce --cancel \(count.id ?? "")` ends it")
        }
    }

    private func end(_ id: String, _ client: AdminClient) async throws {
        guard try await client.end(.bounce, id: id) else {
            throw ClientError("no bounce has the id '\(id)'; 'apus bounce --list' shows those in force")
        }
        print(options.json ? "{\"cancelled\":\"\(id)\"}" : "cancelled \(id)")
    }

    private static func text(_ count: BounceCount) -> String {
        guard count.totalBounced > 0 else { return "nothing would be bounced on this node" }
        var table = TextTable(["QUEUE", "MESSAGES"])
        table.rightAligned = [1]
        for (queue, messages) in count.bounced.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            table.add([queue, "\(messages)"])
        }
        table.add(["all", "\(count.totalBounced)"])
        return table.text
    }
}

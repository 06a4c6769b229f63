import ArgumentParser
import Client

/// `apus limits`: the limits in use, who has them and who waits.
struct Limits: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the limits in use: value, use, who has, who wants, who waits.",
        discussion: """
            MODE says where a limit is agreed: redis (all nodes, in time), share (a part of it while Redis is away), learning (Redis came
            back empty), floor or closed (away for long), local (this node only).

            EXAMPLES
              apus limits
              apus limits --waiting
              apus limits --local --json

            EXIT STATUS
              0 done, 1 no node answers, 64 wrong arguments
            """)

    @OptionGroup var options: Queues.Endpoint

    @Flag(help: "Show what this node knows, without asking the others.")
    var local = false

    @Flag(help: "Only limits that somebody waits for.")
    var waiting = false

    @Flag(help: "Show a line for each node too.")
    var nodes = false

    func run() async throws {
        try await withClient(options.endpoint) { client in
            let (limits, raw) = try await client.limits(cluster: !local)
            if options.json { return print(raw) }
            let shown = limits.filter { !waiting || $0.waiting > 0 }
            guard !shown.isEmpty else { return print(waiting ? "nobody waits for a limit" : "no limit is in use") }
            var table = TextTable(["LIMIT", "KIND", "VALUE", "USED", "HELD", "WANTS", "WAITING", "SHARE", "MODE"])
            table.rightAligned = [2, 3, 4, 5, 6, 7]
            for limit in shown {
                table.add([
                    limit.limit, limit.kind, limit.value, limit.used.map { "\($0)" } ?? "-", "\(limit.held)", "\(limit.wants)",
                    "\(limit.waiting)", Self.percent(limit.share), limit.mode,
                ])
                for holder in nodes ? limit.nodes : [] {
                    table.add([
                        "  " + holder.node, "", "", "", "\(holder.has)", "\(holder.wants)",
                        holder.waitsSeconds > 0 ? TextTable.age(holder.waitsSeconds) : "-", "", "",
                    ])
                }
            }
            print(table.text)
        }
    }

    private static func percent(_ share: Double) -> String { "\(Int((min(max(share, 0), 1) * 100).rounded()))%" }
}

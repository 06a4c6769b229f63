import ArgumentParser
import Client

/// `apus suspend`: queues or a path stop sending.
struct Suspend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stop sending from queues, or over an egress path, for a while.",
        discussion: """
            The messages wait; they still expire. Holds on every node of the cluster, and survives restarts. The same criteria again
            replace the suspension.

            EXAMPLES
              apus suspend --tenant acme --reason 'complaints' --duration 1h
              apus suspend --domain example.com --campaign spring --reason 'wrong link' --duration forever
              apus suspend --path 'ip-1->mx.example.com@smtp_client' --reason 'listed' --node 01ab23
              apus suspend --list

            EXIT STATUS
              0 done, 1 refused or no node answers, 64 wrong arguments
            """)

    @OptionGroup var options: Queues.Endpoint
    @OptionGroup var matching: Matching

    @Option(help: ArgumentHelp("The egress path of this name, source->site@smtp_client.", valueName: "name"))
    var path: String?

    @Option(help: "Reason, shown wherever messages wait because of it.")
    var reason: String?

    @Option(help: ArgumentHelp("How long, such as 30m or 2h, or 'forever'. Default: 5m.", valueName: "time"))
    var duration: String?

    @Option(help: ArgumentHelp("Only on this node.", valueName: "node"))
    var node: String?

    @Flag(help: "List the suspensions in force.")
    var list = false

    func validate() throws {
        if list { return }
        if path == nil, matching.isEmpty { throw ValidationError(Matching.missing + "; or a path: --path") }
        if path != nil, !matching.isEmpty { throw ValidationError("--path cannot be combined with other criteria") }
        if reason == nil { throw ValidationError("give the reason with --reason: it is shown to everyone who looks for the mail") }
    }

    func run() async throws {
        try await withClient(options.endpoint) { client in
            if list { return try await show(client) }
            var order = RuleOrder(reason: reason ?? "")
            matching.fill(&order)
            order.name = path
            order.duration = duration
            order.node = node
            let body = try await client.issue(path == nil ? .suspend : .suspendPath, order)
            if options.json { return print(body) }
            let rule: RuleID = try client.decode(body)
            print("suspended; `apus resume \(rule.id)` ends it")
        }
    }

    private func show(_ client: AdminClient) async throws {
        let (queues, queuesJSON) = try await client.rules(.suspend)
        let (paths, pathsJSON) = try await client.rules(.suspendPath)
        if options.json { return print("{\"queues\":\(queuesJSON),\"paths\":\(pathsJSON)}") }
        print(queues.isEmpty && paths.isEmpty ? "nothing is suspended" : RuleTable.text(queues + paths))
    }
}

import ArgumentParser
import Client

/// `apus rebind`: messages get other metadata, and so other queues.
struct Rebind: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Set metadata of queued messages; a new queue, tenant, campaign or routing_domain moves them.",
        discussion: """
            Means the messages that are queued now, on every node of the cluster. It is not an attempt: retry times stay, unless --flush
            makes the messages due at once.

            EXAMPLES
              apus rebind --domain example.com --set routing_domain=relay.example.net --reason 'example.com is down'
              apus rebind --tenant acme --set tenant=acme-slow --reason 'warm-up' --flush
              apus rebind --queue news@example.com --unset campaign --reason 'one queue again'

            EXIT STATUS
              0 done, 1 refused or no node answers, 64 wrong arguments
            """)

    @OptionGroup var options: Queues.Endpoint
    @OptionGroup var matching: Matching

    @Option(help: ArgumentHelp("Set a metadata entry; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Option(help: ArgumentHelp("Remove a metadata entry; may be repeated.", valueName: "key"))
    var unset: [String] = []

    @Option(help: "Reason, recorded in each log entry.")
    var reason: String?

    @Flag(help: "Make the messages due now.")
    var flush = false

    @Flag(help: "Write no records.")
    var suppressLogging = false

    @Option(help: ArgumentHelp("Only on this node.", valueName: "node"))
    var node: String?

    func validate() throws {
        if matching.isEmpty { throw ValidationError(Matching.missing) }
        if set.isEmpty, unset.isEmpty { throw ValidationError("name what to change with --set KEY=VALUE or --unset KEY") }
        for entry in set where entry.firstIndex(of: "=").map({ $0 == entry.startIndex }) ?? true {
            throw ValidationError("--set takes KEY=VALUE, such as tenant=slow; got '\(entry)'")
        }
        if reason == nil { throw ValidationError("give the reason with --reason: it is recorded for each message") }
    }

    func run() async throws {
        try await withClient(options.endpoint) { client in
            var order = RuleOrder(reason: reason ?? "")
            matching.fill(&order)
            var data: [String: String?] = [:]
            for key in unset { data[key] = .some(nil) }
            for entry in set {
                let mark = entry.firstIndex(of: "=") ?? entry.endIndex
                data[String(entry[..<mark])] = String(entry[mark...].dropFirst())
            }
            order.data = data
            order.alwaysFlush = flush ? true : nil
            order.suppressLogging = suppressLogging ? true : nil
            order.node = node
            let body = try await client.issue(.rebind, order)
            print(options.json ? body : "rebinding; AdminRebind records and `apus queues` show what moved")
        }
    }
}

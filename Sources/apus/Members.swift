import ArgumentParser
import Client

/// `apus members`: the nodes of the cluster.
struct Members: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the nodes of the cluster, or forget one that will not come back.",
        discussion: """
            EXAMPLES
              apus members
              apus members --json
              apus members forget 01ab23cd

            EXIT STATUS
              0 done, 1 refused or no node answers, 64 wrong arguments
            """,
        subcommands: [List.self, Forget.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the nodes.")
        @OptionGroup var options: Queues.Endpoint

        func run() async throws {
            try await withClient(options.endpoint) { client in
                let (members, raw) = try await client.members()
                if options.json { return print(raw) }
                print(Members.text(members))
            }
        }
    }

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget a node that is gone; a node that is alive is refused.")
        @OptionGroup var options: Queues.Endpoint
        @Argument(help: "The node, as listed.") var node: String

        func run() async throws {
            try await withClient(options.endpoint) { client in
                let raw = try await client.forget(node)
                print(options.json ? raw : "forgot \(node)")
            }
        }
    }

    private static func text(_ members: [MemberStatus]) -> String {
        var table = TextTable(["NODE", "STATUS", "STATE", "HEARD", "ADDRESS", "ZONE", "VERSION", "SINCE", "SPOOLS"])
        table.rightAligned = [3]
        for member in members {
            table.add([
                member.node + (member.isSelf ? " *" : ""), member.status, member.state,
                member.isSelf ? "-" : TextTable.age(member.lastSeen),
                member.address.isEmpty ? "-" : member.address, member.zone.isEmpty ? "-" : member.zone, member.version, member.joined,
                member.spools.joined(separator: ", "),
            ])
        }
        return table.text + "\n* answered"
    }
}

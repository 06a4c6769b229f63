import ArgumentParser
import Client

/// `apus resume`: a suspension ends.
struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End suspensions, by id or by the criteria they were made with.",
        discussion: """
            EXAMPLES
              apus resume 9f86d081884c7d659a2feaa0c55ad015
              apus resume --tenant acme
              apus resume --path 'ip-1->mx.example.com@smtp_client'

            EXIT STATUS
              0 done, 1 there is no such suspension or no node answers, 64 wrong arguments
            """)

    @OptionGroup var options: Queues.Endpoint
    @Argument(help: "Ids, as 'apus suspend --list' shows them.") var ids: [String] = []
    @OptionGroup var matching: Matching

    @Option(help: ArgumentHelp("The egress path of this name.", valueName: "name"))
    var path: String?

    func validate() throws {
        guard ids.isEmpty == (path != nil || !matching.isEmpty) else {
            throw ValidationError("name the suspension by its id, or by the criteria it was made with; 'apus suspend --list' shows both")
        }
        if path != nil, !matching.isEmpty { throw ValidationError("--path cannot be combined with other criteria") }
    }

    func run() async throws {
        try await withClient(options.endpoint) { client in
            var found = ids
            if ids.isEmpty {
                let rules = path == nil ? try await client.rules(.suspend).0 : try await client.rules(.suspendPath).0
                found = rules.filter { path == nil ? matching.isScope(of: $0) : $0.name == path }.map(\.id)
                guard !found.isEmpty else {
                    throw ClientError("nothing is suspended by these criteria; 'apus suspend --list' shows what is")
                }
            }
            for id in found {
                var isEnded = try await client.end(.suspend, id: id)
                if !isEnded { isEnded = try await client.end(.suspendPath, id: id) }
                guard isEnded else { throw ClientError("no suspension has the id '\(id)'; 'apus suspend --list' shows those in force") }
            }
            if options.json {
                print("{\"resumed\":[\(found.map { "\"\($0)\"" }.joined(separator: ","))]}")
            } else {
                print(found.map { "resumed \($0)" }.joined(separator: "\n"))
            }
        }
    }
}

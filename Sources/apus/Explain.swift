import ArgumentParser
import Client

/// `apus explain`: why something does not move.
struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say why a queue, an egress path or a message is not moving.",
        discussion: """
            32 hexadecimal digits are a message id, a name such as source->site@smtp_client is an egress path, everything else is a queue.

            EXAMPLES
              apus explain example.com
              apus explain spring:news@example.com --cluster
              apus explain 'ip-1->mx.example.com@smtp_client'
              apus explain 0199a1b2c3d4e5f60718293a4b5c6d7e

            EXIT STATUS
              0 answered, 1 no node has it, or none answers; 64 wrong arguments
            """)

    @OptionGroup var options: Queues.Endpoint
    @Argument(help: ArgumentHelp("The queue, path or message.", valueName: "what")) var subject: String

    @Flag(help: "Ask all nodes of the cluster.")
    var cluster = false

    func run() async throws {
        try await withClient(options.endpoint) { client in
            let (explanation, raw) = try await client.explain(Self.key(subject), subject, cluster: cluster)
            print(options.json ? raw : Self.text(explanation))
            guard explanation.answers.contains(where: \.found) else { throw ExitCode.failure }
        }
    }

    /// What kind of thing the text names.
    static func key(_ text: String) -> String {
        if text.contains("->"), text.hasSuffix("_client") { return "path" }  // a tenant may hold an arrow too
        return text.utf8.count == 32 && text.allSatisfy(\.isHexDigit) ? "id" : "queue"
    }

    private static func text(_ explanation: Explanation) -> String {
        var lines = [explanation.subject]
        let found = explanation.answers.filter(\.found)
        let absent = explanation.answers.filter { !$0.found }
        for answer in found.isEmpty ? absent : found {
            lines.append("")
            lines.append("node \(answer.node):")
            lines += answer.sentences.map { "  " + $0 }
        }
        if !found.isEmpty, !absent.isEmpty {
            lines.append("")
            lines.append("not on: " + absent.map(\.node).joined(separator: ", "))
        }
        for silent in explanation.unanswered {
            lines.append("")
            lines.append("node \(silent.node) did not answer: \(silent.reason)")
        }
        return lines.joined(separator: "\n")
    }
}

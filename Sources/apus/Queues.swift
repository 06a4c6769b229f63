import ArgumentParser
import Client
import Foundation

/// `apus queues`: what waits, since when, and why.
struct Queues: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the scheduled queues of a node.",
        discussion: """
            EXAMPLES
              apus queues
              apus queues --endpoint http://127.0.0.1:8000 --json
              apus queues pause example.com --reason 'asked by postmaster'
              apus queues resume example.com
            """,
        subcommands: [List.self, Pause.self, Resume.self], defaultSubcommand: List.self)

    struct Endpoint: ParsableArguments {
        @Option(help: ArgumentHelp("The node's HTTP listener; also from APUS_ENDPOINT.", valueName: "url"))
        var endpoint: String = ProcessInfo.processInfo.environment["APUS_ENDPOINT"] ?? "http://127.0.0.1:8000"

        @Flag(help: "Print JSON.")
        var json = false
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the scheduled queues.")
        @OptionGroup var options: Endpoint

        func run() async throws {
            try await withClient(options.endpoint) { client in
                let (queues, raw) = try await client.queues()
                if options.json { return print(raw) }
                guard !queues.isEmpty else { return print("no queues: nothing waits") }
                var table = TextTable(["QUEUE", "STATE", "SCHEDULED", "DUE", "ACTIVE", "OLDEST", "NEXT DUE", "BLOCKED BY", "LAST REPLY"])
                table.rightAligned = [2, 3, 4, 5]
                for queue in queues {
                    table.add([
                        queue.queue, queue.state, "\(queue.scheduled)", "\(queue.due)", "\(queue.active)",
                        queue.oldestAge.map(TextTable.age) ?? "-", queue.nextDue ?? "-", queue.blockedBy ?? "-", queue.lastReply ?? "-",
                    ])
                }
                print(table.text)
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Pause a queue: its messages stay until it is resumed, or expire.")
        @OptionGroup var options: Endpoint
        @Argument(help: "The queue's name, as listed.") var queue: String
        @Option(help: "Reason, shown in listings.") var reason = "no reason given"

        func run() async throws {
            try await withClient(options.endpoint) { client in
                let raw = try await client.pause(queue, reason: reason)
                print(options.json ? raw : "paused \(queue)")
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Resume a paused queue.")
        @OptionGroup var options: Endpoint
        @Argument(help: "The queue's name, as listed.") var queue: String

        func run() async throws {
            try await withClient(options.endpoint) { client in
                let raw = try await client.resume(queue)
                print(options.json ? raw : "resumed \(queue)")
            }
        }
    }
}

/// Runs `body` with a client, and turns its errors into one line and exit code 1.
func withClient(_ endpoint: String, _ body: (AdminClient) async throws -> Void) async throws {
    let client = AdminClient(endpoint: endpoint)
    do {
        try await body(client)
        try await client.close()
    } catch let error as ClientError {
        try? await client.close()
        say("apus: \(error.message)")
        throw ExitCode.failure
    } catch {
        try? await client.close()
        throw error
    }
}

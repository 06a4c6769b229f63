import ArgumentParser
import CAllocator

/// The command line of the node: parses arguments, nothing else.
@main
struct Apus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "A clustered mail transfer agent for senders of millions of messages an hour.",
        discussion: """
            EXAMPLES
              apus check --policy policy.lua            load and validate a policy
              apus sink --listen 127.0.0.1:2526         a server that accepts and counts
              apus serve --policy policy.lua --spool /var/spool/apus
              apus queues                               what waits, and why
              apus explain example.com                  why this queue does not move
              apus suspend --tenant acme --reason 'complaints' --duration 1h
              apus spool ls /var/spool/apus             the messages of a spool whose node is down
            """,
        version: "apus 0.1.0",
        subcommands: [
            Serve.self, Check.self, SinkCommand.self, Queues.self, Suspend.self, Resume.self, Bounce.self, Rebind.self, Explain.self,
            Members.self, Limits.self, SpoolCommand.self, OptionsCommand.self,
        ])
}

/// *Value*: ends a command with one line on standard error and exit code 1.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ text: String) { description = text }
}

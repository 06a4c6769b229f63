import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import Sink

/// `apus sink`: an SMTP server that accepts, counts and discards, for demos and tests.
struct SinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sink",
        abstract: "Run an SMTP server that accepts, counts and discards.",
        discussion: """
            A rule is STAGE[:DOMAIN]=ACTION[@FREQUENCY]: STAGE is connect, ehlo, mail, rcpt, data or dot; ACTION is a reply
            (`450 4.2.1 try later`), `disconnect` or `delay=200ms`; FREQUENCY is a probability (0.3 or 30%) or `every:10`.

            EXAMPLES
              apus sink --listen 127.0.0.1:2526
              apus sink --listen 127.0.0.1:2526 --reply 'rcpt=450 4.2.1 try later@0.3' --seed 7
              apus sink --listen 127.0.0.1:0 --reply dot=delay=200ms --record /tmp/accepted.txt
            """)

    @Option(help: ArgumentHelp("ip:port to listen on; port 0 takes a free one.", valueName: "addr"))
    var listen = "127.0.0.1:2526"

    @Option(name: .customLong("reply"), help: ArgumentHelp("A rule; may be repeated, the first that fits wins.", valueName: "rule"))
    var rules: [String] = []

    @Option(help: "Seed of the probabilities, so that a run can be repeated.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Write one line per accepted message to this file.", valueName: "file"))
    var record: String?

    @Option(help: ArgumentHelp("The header whose value the record shows.", valueName: "name"))
    var recordHeader = "Message-ID"

    @Flag(help: "Add to each line of the record the client's EHLO name and the time of MAIL.")
    var recordDetails = false

    @Option(help: ArgumentHelp("Write a line to this file when a connection opens or closes.", valueName: "file"))
    var recordConnections: String?

    @Flag(help: "Offer CHUNKING.")
    var chunking = false

    @Flag(help: "Print the counters every second.")
    var counters = false

    func run() async throws {
        let signals = Signals()
        do {
            var configuration = SinkConfiguration(listen: listen)
            configuration.rules = try rules.map { try SinkRule(parsing: $0) }
            configuration.seed = seed
            configuration.recordFile = record
            configuration.recordHeader = recordHeader
            configuration.recordsDetails = recordDetails
            configuration.connectionRecordFile = recordConnections
            configuration.printsCounters = counters
            if chunking { configuration.extensions.insert(.chunking) }
            let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
            let sink = try await Sink.start(configuration, group: group)
            say("sink listener on \(sink.address.ipAddress ?? "?"):\(sink.address.port ?? 0)")
            await signals.untilStop()
            await sink.stop()
            let total = sink.counters
            say(
                "sink: \(total.connections) connections, \(total.messages) messages, \(total.recipients) recipients, \(total.bytes) bytes, \(total.refusals) refusals"
            )
            try await group.shutdownGracefully()
        } catch let error as SinkError {
            say("apus sink: \(error)")
            throw ExitCode.failure
        }
    }
}

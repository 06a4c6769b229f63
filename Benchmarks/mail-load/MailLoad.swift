import ArgumentParser
import Glibc
import NIOCore
import NIOPosix

/// `mail-load`: source and sink of one measurement in one process, so that one clock sees both ends.
@main
struct MailLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mail-load",
        abstract: "Send numbered messages through a relay to a sink of its own, and report rates and latencies.",
        discussion: """
            The relay must deliver everything to the port given with --sink. The latency of a message is the time from the moment its final dot \
            was written to the relay until its final dot was read by the sink. The figures are one line of JSON on standard output: accepted \
            and delivered per second, messages lost and doubled, and the latency in milliseconds at the quantiles 0.5, 0.9, 0.99, 0.999 and 1.

            EXAMPLES
              mail-load --relay 2525 --sink 2526 --messages 20000                      as fast as the relay takes them
              mail-load --relay 2525 --sink 2526 --messages 20000 --rate 1000          a thousand per second, for latencies
              mail-load --relay 2525 --sink 2526 --messages 200000 --domains 100000    to many domains

            EXIT STATUS
              0 all messages came, 1 some did not or the relay refused one, 64 wrong arguments
            """)

    @Option(help: "Port of the relay on 127.0.0.1.")
    var relay: Int
    @Option(help: "Port of the sink on 127.0.0.1.")
    var sink: Int
    @Option(help: "Messages to send.")
    var messages = 20_000
    @Option(help: "Bytes of each message's body.")
    var size = 4096
    @Option(help: "Parallel sessions to the relay.")
    var sessions = 20
    @Option(help: "Recipient domains; messages go round them in turn.")
    var domains = 1
    @Option(help: "Messages per second; 0 sends as fast as the relay takes them.")
    var rate = 0.0
    @Flag(help: "Open a new connection for every message.")
    var reconnect = false
    @Option(help: "Seconds after which the run is given up.")
    var timeout = 300.0

    func validate() throws {
        guard (1...65535).contains(relay), (1...65535).contains(sink) else {
            throw ValidationError("--relay and --sink are ports: 1 to 65535")
        }
        guard (1...50_000_000).contains(messages), (1...(1 << 30)).contains(size), (1...10_000).contains(sessions) else {
            throw ValidationError("--messages is 1 to 50000000, --size 1 to 1073741824, --sessions 1 to 10000")
        }
        guard (1...10_000_000).contains(domains), rate >= 0, rate <= 1_000_000, timeout > 0, timeout <= 86_400 else {
            throw ValidationError("--domains is 1 to 10000000, --rate 0 to 1000000, --timeout up to 86400")
        }
    }

    func run() throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let plan = LoadPlan(
            messages: messages, size: size, domains: domains, sessions: sessions, relay: relay, interval: rate > 0 ? 1e9 / rate : 0,
            reconnects: reconnect)
        let result = loop.makePromise(of: LoadReport.self)
        let sink = sink
        loop.execute {
            let run = LoadRun(plan: plan, loop: loop, result: result)
            let bound = NIOLoopBound(run, eventLoop: loop)
            ServerBootstrap(group: loop)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(SinkSession(run: bound.value)) }
                }
                .bind(host: "127.0.0.1", port: sink)
                .whenComplete { answer in
                    switch answer {
                    case .success: bound.value.start()
                    case .failure(let error): bound.value.fail("the sink cannot listen on port \(sink): \(error); choose another --sink")
                    }
                }
            loop.scheduleTask(in: .nanoseconds(Int64(timeout * 1e9))) { bound.value.giveUp() }
        }
        let report = try result.futureResult.wait()
        print(report.json)
        if !report.isComplete { throw ExitCode(1) }
    }
}

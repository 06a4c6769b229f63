import ArgumentParser
import NIOCore
import NIOPosix

/// `bare-loop`: a durable relay without queue, policy, records and retries: what SwiftNIO and the disk allow at most.
@main
struct BareLoop: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bare-loop",
        abstract: "Relay mail over kept-open connections with one fdatasync per group of messages, and do nothing else.",
        discussion: """
            The floor for script/bench: it accepts any SMTP dialogue, appends each message to a log, answers 250 after fdatasync, and sends the \
            message on. It has no queue, no limits and no retry: never use it for real mail. Prints `ready` on standard error.

            EXAMPLES
              bare-loop --port 2525 --sink 2526 --log /var/tmp/bare-loop.log
              bare-loop --port 2525 --log /var/tmp/bare-loop.log          (accept only)
            """)

    @Option(help: "Port to accept mail on, on 127.0.0.1.")
    var port: Int
    @Option(help: "Port on 127.0.0.1 to deliver to; without it messages are accepted and dropped.")
    var sink: Int?
    @Option(help: ArgumentHelp("File to append messages to.", valueName: "file"))
    var log: String
    @Option(help: "Event loops. Default: one per core.")
    var loops = System.coreCount
    @Option(help: "Connections to the sink per event loop.")
    var connections = 10

    func validate() throws {
        guard (1...65535).contains(port), (1...65535).contains(sink ?? 1) else { throw ValidationError("--port and --sink are 1 to 65535") }
        guard (1...1024).contains(loops), (1...1000).contains(connections) else {
            throw ValidationError("--loops is 1 to 1024, --connections 1 to 1000")
        }
    }

    func run() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let log = try AppendLog(path: log)
        var forwarders: [ObjectIdentifier: NIOLoopBound<Forwarder>] = [:]
        if let sink {
            for loop in group.makeIterator() {
                let connections = connections
                forwarders[ObjectIdentifier(loop)] = try loop.submit {
                    NIOLoopBound(Forwarder(port: sink, connections: connections, loop: loop), eventLoop: loop)
                }.wait()
            }
        }
        let known = forwarders
        let server = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 16384, maximum: 65536))
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Acceptor(log: log, forwarder: known[ObjectIdentifier(channel.eventLoop)]?.value))
                }
            }
            .bind(host: "127.0.0.1", port: port).wait()
        Notice.write("ready")
        try server.closeFuture.wait()
    }
}

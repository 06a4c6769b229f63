import Glibc
package import NIOCore
import NIOPosix
import Synchronization

/// An SMTP server that accepts, counts and discards: the other end of tests and measurements.
///
/// *Shared.* Sessions run on the loops of the given group; a thread of its own writes the record file and prints.
///
/// *Diagnostics*: configuration and bind errors are thrown by `start`; clients' mistakes are answered, never logged.
package final class Sink: Sendable {
    /// *Shared.* What all sessions of a sink look at.
    final class Shared: Sendable {
        let configuration: SinkConfiguration
        let plan: SinkPlan
        let tally = SinkTally()
        let recorder: SinkRecorder?
        let connectionRecorder: SinkRecorder?
        /// Whether sessions remember the EHLO name and the time of MAIL.
        let keepsDetails: Bool
        let keepsRecipients: Bool
        let greeting: ByteBuffer
        let ehloReply: ByteBuffer
        let heloReply: ByteBuffer
        /// All record files.
        var recorders: [SinkRecorder] { [recorder, connectionRecorder].compactMap { $0 } }
        let nextID = Atomic<UInt64>(1)
        /// Open connections, to close them at `stop`; nil afterwards.
        let open = Mutex<[ObjectIdentifier: any Channel]?>([:])

        init(_ configuration: SinkConfiguration) throws(SinkError) {
            self.configuration = configuration
            plan = SinkPlan(configuration.rules)
            recorder = try configuration.recordFile.map { path throws(SinkError) in try SinkRecorder(path: path) }
            connectionRecorder = try configuration.connectionRecordFile.map { path throws(SinkError) in try SinkRecorder(path: path) }
            keepsDetails = recorder != nil && configuration.recordsDetails || connectionRecorder != nil
            keepsRecipients = recorder != nil || plan.usesDomains
            let name = String(decoding: configuration.hostname.utf8.filter { $0 > 0x20 && $0 != 0x7F }, as: UTF8.self)
            greeting = ByteBuffer(string: "220 \(name) ESMTP sink\r\n")
            heloReply = ByteBuffer(string: "250 \(name)\r\n")
            var keywords: [String] = []
            if configuration.extensions.contains(.pipelining) { keywords.append("PIPELINING") }
            if configuration.extensions.contains(.eightBitMIME) { keywords.append("8BITMIME") }
            if configuration.extensions.contains(.smtpUTF8) { keywords.append("SMTPUTF8") }
            if configuration.extensions.contains(.size) { keywords.append("SIZE \(configuration.maxMessageSize)") }
            if configuration.extensions.contains(.chunking) { keywords.append("CHUNKING") }
            keywords.append("ENHANCEDSTATUSCODES")
            let lines = [name] + keywords
            ehloReply = ByteBuffer(
                string: lines.enumerated().map { "250\($0.offset == lines.count - 1 ? " " : "-")\($0.element)\r\n" }.joined())
        }
    }

    /// Where it listens; with the port the system chose.
    package let address: SocketAddress
    private let shared: Shared
    private let channel: any Channel
    private let thread: NIOThreadPool
    private let ticks: [RepeatedTask]

    private init(
        address: SocketAddress, shared: Shared, channel: any Channel, thread: NIOThreadPool, ticks: [RepeatedTask]
    ) {
        self.address = address
        self.shared = shared
        self.channel = channel
        self.thread = thread
        self.ticks = ticks
    }

    /// What it has seen.
    package var counters: SinkCounters { shared.tally.snapshot }

    /// Listens. Throws `SinkError`, or what the system says to bind.
    package static func start(_ configuration: SinkConfiguration, group: any EventLoopGroup) async throws -> Sink {
        let address = try SinkAddress.parse(configuration.listen)
        let shared = try Shared(configuration)
        let isTCP = address.protocol != .unix
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 8192, maximum: 65536)
            )
            .childChannelInitializer { channel in
                let isOpen = shared.open.withLock { open in
                    open?.updateValue(channel, forKey: ObjectIdentifier(channel))
                    return open != nil
                }
                channel.closeFuture.whenComplete { _ in
                    _ = shared.open.withLock { $0?.removeValue(forKey: ObjectIdentifier(channel)) }
                }
                if !isOpen { channel.close(promise: nil) }
                let id = shared.nextID.wrappingAdd(1, ordering: .relaxed).oldValue
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(SinkSession(shared: shared, id: id))
                }
            }
        if isTCP {
            bootstrap =
                bootstrap
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        let channel: any Channel
        do {
            channel = try await bootstrap.bind(to: address).get()
        } catch {
            for recorder in shared.recorders { recorder.close() }
            throw error
        }
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        return Sink(
            address: channel.localAddress ?? address, shared: shared, channel: channel, thread: thread,
            ticks: Self.tick(shared, on: group.next(), thread))
    }

    private static func tick(_ shared: Shared, on loop: any EventLoop, _ thread: NIOThreadPool) -> [RepeatedTask] {
        var ticks: [RepeatedTask] = []
        let recorders = shared.recorders
        if !recorders.isEmpty {
            // Twice within the promised 100 ms.
            ticks.append(
                loop.scheduleRepeatedTask(initialDelay: .milliseconds(50), delay: .milliseconds(50)) { _ in
                    thread.submit { _ in for recorder in recorders { recorder.flush() } }
                })
        }
        if shared.configuration.printsCounters {
            ticks.append(
                loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
                    thread.submit { _ in Self.print(shared.tally.snapshot) }
                })
        }
        return ticks
    }

    private static func print(_ counters: SinkCounters) {
        var line =
            "connections=\(counters.connections) open=\(counters.open) messages=\(counters.messages) "
            + "recipients=\(counters.recipients) bytes=\(counters.bytes) refusals=\(counters.refusals)\n"
        line.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }

    /// Stops listening, closes all connections, writes what is left of the record. Call it once.
    package func stop() async {
        for tick in ticks { tick.cancel() }
        try? await channel.close().get()
        let open = shared.open.withLock { open in
            let channels = open.map { Array($0.values) } ?? []
            open = nil
            return channels
        }
        for channel in open { try? await channel.close().get() }
        try? await thread.shutdownGracefully()
        for recorder in shared.recorders { recorder.close() }
    }
}

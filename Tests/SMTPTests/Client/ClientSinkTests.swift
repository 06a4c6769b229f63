import Message
import NIOCore
import NIOPosix
import Sink
import Synchronization
import Testing

@testable import SMTP

/// The client against the sink, over loopback.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ClientSinkTests {
    /// Shared between the test and the loops: what came of the messages.
    final class Account: Sendable {
        struct State {
            var delivered = 0
            var transient = 0
            var permanent = 0
            var ambiguous = 0
            var returned = 0
            var lookedAhead = 0
            var unfinished = 0
            var closed = 0
        }
        let state = Mutex(State())
    }

    /// Loop-confined: sends a number of messages over one connection.
    final class Sender: ClientSessionDelegate {
        let account: Account
        var left: Int
        let recipients: Int
        let body: (Int) -> ClientBody
        let looksAhead: Bool
        var done: EventLoopPromise<Int>

        init(
            _ account: Account, _ count: Int, _ recipients: Int, looksAhead: Bool, _ done: EventLoopPromise<Int>,
            body: @escaping (Int) -> ClientBody
        ) {
            self.looksAhead = looksAhead
            self.account = account
            left = count
            self.recipients = recipients
            self.done = done
            self.body = body
        }

        private func make() -> ClientTransaction? {
            guard left > 0 else { return nil }
            left -= 1
            return ClientTransaction(
                sender: EnvelopeAddress(localPart: "f", domain: "a.test"),
                recipients: (0..<recipients).map { EnvelopeAddress(localPart: "t\($0)", domain: "b.test") },
                headers: ByteBuffer(string: "Message-ID: <\(left)@a.test>\r\n\r\n"), body: body(left))
        }

        private func advance(_ client: ClientHandler) {
            guard let transaction = make() else { return client.quit() }
            client.send(transaction)
        }

        func ready(_ client: ClientHandler, capabilities: Capabilities) { advance(client) }

        func next(_ client: ClientHandler) -> ClientTransaction? {
            guard looksAhead, let transaction = make() else { return nil }
            account.state.withLock { $0.lookedAhead += 1 }
            return transaction
        }

        func finished(_ client: ClientHandler, _ transaction: ClientTransaction, result: TransactionResult) {
            account.state.withLock { state in
                state.returned += 1
                if result.isAmbiguous { state.ambiguous += 1 }
                for outcome in result.perRecipient {
                    switch outcome.disposition {
                    case .delivered: state.delivered += 1
                    case .transient: state.transient += 1
                    case .permanent: state.permanent += 1
                    }
                }
            }
            if result.sessionUsable, client.isIdle { advance(client) }
        }

        func closed(_ client: ClientHandler, reason: ClientCloseReason, unfinished: ClientTransaction?) {
            account.state.withLock { $0.closed += 1 }
            if unfinished != nil {
                account.state.withLock { $0.unfinished += 1 }
                left += 1
            }
            done.succeed(left)
        }
    }

    /// Sends `count` messages over `connections` connections at a time, opening new ones when the sink drops them.
    static func run(
        _ adjust: (inout SinkConfiguration) -> Void, client: ClientConfiguration = ClientConfiguration(ehloDomain: "me.test"),
        count: Int, recipients: Int = 1, connections: Int = 2, looksAhead: Bool = false, body: @escaping @Sendable (Int) -> ClientBody
    ) async throws -> (Account.State, SinkCounters) {
        var configuration = SinkConfiguration(listen: "127.0.0.1:0")
        adjust(&configuration)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let sink = try await Sink.start(configuration, group: group)
        let account = Account()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<connections {
                tasks.addTask {
                    var left = count / connections
                    while left > 0 {
                        let loop = group.next()
                        let done = loop.makePromise(of: Int.self)
                        let now = left
                        _ = try await ClientBootstrap(group: loop).channelInitializer { channel in
                            channel.eventLoop.makeCompletedFuture {
                                let sender = Sender(account, now, recipients, looksAhead: looksAhead, done, body: body)
                                try channel.pipeline.syncOperations.addHandler(
                                    ClientHandler(configuration: client, delegate: sender))
                            }
                        }.connect(to: sink.address).get()
                        left = try await done.futureResult.get()
                    }
                }
            }
            try await tasks.waitForAll()
        }
        let counters = sink.counters
        await sink.stop()
        try await group.shutdownGracefully()
        return (account.state.withLock { $0 }, counters)
    }

    static let bodies: @Sendable (Int) -> ClientBody = { index in
        .inline(ByteBuffer(string: String(repeating: index % 3 == 0 ? ".line\r\n" : "a line\r\n", count: index % 50)))
    }

    @Test(
        arguments: [
            SinkConfiguration.Extensions.usual, [], [.pipelining, .chunking], [.chunking], [.size], [.pipelining, .size, .chunking],
        ], [false, true])
    func everythingArrives(_ extensions: SinkConfiguration.Extensions, looksAhead: Bool) async throws {
        let (account, counters) = try await Self.run(
            { $0.extensions = extensions }, count: 600, recipients: 2, looksAhead: looksAhead, body: Self.bodies)
        // All but the first message of a connection.
        let expected = looksAhead && extensions.contains(.pipelining) && !extensions.contains(.chunking) ? 598 : 0
        #expect(account.lookedAhead == expected)
        #expect(account.delivered == 1200)
        #expect(account.returned == 600)
        #expect(counters.messages == 600)
        #expect(counters.recipients == 1200)
        #expect(counters.refusals == 0)
        #expect(counters.connections == 2)
    }

    /// With refusals and disconnects at every stage, both sides count the same.
    @Test(arguments: [SinkConfiguration.Extensions.usual, [], [.pipelining, .chunking], [.chunking]], [false, true])
    func bothSidesAgree(_ extensions: SinkConfiguration.Extensions, looksAhead: Bool) async throws {
        let seed = UInt64.random(in: .min ... .max)
        print("client and sink seed \(seed)")
        let rules = try [
            "mail=451 4.3.0 no@0.05", "rcpt=450 4.2.1 later@0.2", "rcpt=550 5.1.1 nobody@0.1", "rcpt=disconnect@0.01",
            "data=451 4.3.0 not now@0.05", "data=421 4.3.2 leaving@0.01", "dot=550 5.7.1 spam@0.05", "dot=disconnect@0.01",
            "mail=delay=1ms@0.05", "dot=421 4.3.2 leaving@0.01",
        ].map { try SinkRule(parsing: $0) }
        let (account, counters) = try await Self.run(
            {
                $0.extensions = extensions
                $0.seed = seed
                $0.rules = rules
            }, count: 1000, recipients: 3, looksAhead: looksAhead, body: Self.bodies)
        #expect(account.returned == 1000, "seed \(seed)")
        #expect(account.delivered + account.transient + account.permanent == 3000)
        #expect(account.delivered == counters.recipients, "seed \(seed)")
        #expect(account.closed == counters.connections)
        #expect(account.permanent > 0)
        #expect(account.ambiguous > 0)
        #expect(counters.refusals > 0)
    }

    @Test(arguments: [true, false]) func bigStreamedBodies(_ chunking: Bool) async throws {
        let size = 5 << 20
        let piece = ByteBuffer(string: String(repeating: ".0123456789abcdef0123456789abcd\r\n", count: 1024))
        let (account, counters) = try await Self.run(
            { if chunking { $0.extensions.insert(.chunking) } }, count: 4,
            body: { _ in
                .streamed(length: size) { offset, reply in
                    let at = offset % piece.readableBytes
                    reply(.success(piece.getSlice(at: at, length: min(piece.readableBytes - at, size - offset))!))
                }
            })
        #expect(account.delivered == 4)
        #expect(counters.bytes >= 4 * size)
        // One dot more per line over DATA.
        if chunking { #expect(counters.bytes < 4 * (size + 100)) } else { #expect(counters.bytes > 4 * (size + size / 40)) }
    }
}

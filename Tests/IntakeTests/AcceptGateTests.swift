import Glibc
import NIOCore
import NIOEmbedded
import Synchronization
import Telemetry
import Testing

@testable import Delivery
@testable import Intake
@testable import Resources

/// Accepting pauses while there is nothing to accept with, and goes on by itself.
@Suite struct AcceptGateTests {
    /// Counts the reads that reach the socket. *Loop-confined.*
    final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = Never
        var count = 0
        func read(context: ChannelHandlerContext) { count += 1 }
    }

    struct Bench {
        let reads = Reads()
        let room = Room()
        let registry = MetricRegistry()
        let channel: EmbeddedChannel

        final class Room: Sendable {
            let exists = Mutex(true)
        }

        init() throws {
            let room = room
            let gate = AcceptGate(AcceptGate.Plan(listener: "test", registry: registry) { room.exists.withLock { $0 } })
            channel = EmbeddedChannel(handlers: [reads, gate])
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            reads.count = 0
        }

        var pauses: Double {
            String(decoding: registry.render(prefix: "accept_pauses"), as: UTF8.self).split(separator: "\n")
                .compactMap { $0.hasPrefix("#") ? nil : Double($0.split(separator: " ").last ?? "") }.reduce(0, +)
        }
    }

    @Test(arguments: [EMFILE, ENFILE, ENOMEM, ENOBUFS]) func aShortageIsWaitedOut(_ code: Int32) throws {
        let bench = try Bench()
        let pipeline = bench.channel.pipeline
        for round in 1...5 {
            pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
            for _ in 0..<1000 { bench.channel.read() }
            #expect(bench.reads.count == round - 1, "no read while it rests")
            bench.channel.embeddedEventLoop.advanceTime(by: .milliseconds(20))
            #expect(bench.reads.count == round - 1)
            bench.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            bench.channel.read()
            #expect(bench.reads.count == round)
        }
        #expect(bench.pauses == 5)
        _ = try? bench.channel.finish()
    }

    @Test func aClientThatWentAwayIsNoShortage() throws {
        let bench = try Bench()
        bench.channel.pipeline.fireErrorCaught(IOError(errnoCode: ECONNABORTED, reason: "accept"))
        bench.channel.read()
        #expect(bench.reads.count == 1 && bench.pauses == 0)
        _ = try? bench.channel.finish()
    }

    @Test func aFullListenerWaitsForRoom() throws {
        let bench = try Bench()
        bench.room.exists.withLock { $0 = false }
        bench.channel.read()
        bench.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        bench.channel.read()
        #expect(bench.reads.count == 0 && bench.pauses == 0)
        for _ in 0..<50 {
            bench.channel.embeddedEventLoop.advanceTime(by: .milliseconds(20))
            bench.channel.read()
        }
        #expect(bench.reads.count == 0)
        bench.room.exists.withLock { $0 = true }
        bench.channel.embeddedEventLoop.advanceTime(by: .milliseconds(30))
        bench.channel.read()
        #expect(bench.reads.count == 1)
        _ = try? bench.channel.finish()
    }

    @Test(arguments: [0, 1, 16, 64, 128, 256, 1024, 4096, 65_536, 1 << 20, Int.max]) func theBudgetAddsUp(_ limit: Int) {
        let budget = DescriptorBudget(limit: limit)
        #expect(budget.smtp > 0 && budget.http > 0 && budget.egress > 0)
        guard limit >= 64 else { return }
        #expect(budget.smtp + budget.http + budget.egress + budget.reserve <= budget.limit)
        #expect(budget.reserve >= min(96, limit / 2) && budget.reserve <= 1024)
        #expect(budget.http <= 4096 && budget.smtp >= budget.http)
    }

    @Test func theBudgetOfAnOrdinaryShell() {
        let budget = DescriptorBudget(limit: 1024)
        #expect(budget == DescriptorBudget(limit: 1024))
        #expect((budget.reserve, budget.http, budget.smtp, budget.egress) == (128, 112, 392, 392))
    }
}

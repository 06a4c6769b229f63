import Client
import Glibc
import NIOCore
import NIOEmbedded
import Options
import Platform
import Shaping
import TestSupport
import Testing

@testable import Delivery
@testable import Resources

/// What this machine is short of is no failure of a destination.
@Suite struct LocalShortageTests {
    private static func remote() throws -> SocketAddress { try SocketAddress(ipAddress: "127.0.0.1", port: 25) }

    @Test(
        arguments: [
            (EMFILE, "socket", "LimitNOFILE"), (ENFILE, "socket", "fs.file-max"), (ENOMEM, "connect", "memory"),
            (ENOBUFS, "socket", "memory"), (EMFILE, "connect", "LimitNOFILE"), (EADDRNOTAVAIL, "connect", "ip_local_port_range"),
            (EADDRINUSE, "bind", "ip_local_port_range"),
        ] as [(Int32, String, String)]) func aShortageHasARemedy(_ code: Int32, _ call: String, _ remedy: String) throws
    {
        let shortage = try #require(LocalShortage(IOError(errnoCode: code, reason: call), to: try Self.remote()))
        #expect(shortage.remedy.contains(remedy))
        #expect(shortage.text.contains(String(cString: strerror(code))))
    }

    /// A source address that this machine does not have, and what other machines and the network do.
    @Test(
        arguments: [
            (EADDRNOTAVAIL, "bind"), (EADDRINUSE, "connect"), (ECONNREFUSED, "connect"), (EHOSTUNREACH, "connect"),
            (ENETUNREACH, "connect"), (ETIMEDOUT, "connect"), (EACCES, "bind"),
        ] as [(Int32, String)]) func everythingElseIsAFailure(_ code: Int32, _ call: String) throws
    {
        #expect(LocalShortage(IOError(errnoCode: code, reason: call), to: try Self.remote()) == nil)
        #expect(LocalShortage(ChannelError.connectTimeout(.seconds(1)), to: try Self.remote()) == nil)
    }

    /// A lane with one ready message, in which nothing is dialled by itself.
    private func waitingLane(_ bench: Bench, _ queue: ScheduledQueue) -> EgressLane {
        let lane = bench.lane(Bench.deadPath())
        lane.dialsAgainAt = .max
        queue.out = 1
        lane.perform(.offer(Attempt(bench.message(["a@example.com"], in: queue))))
        lane.perform(.configured(.success(nil)))
        return lane
    }

    @Test(arguments: [EMFILE, ENOBUFS, EADDRNOTAVAIL]) func theMessageWaitsInTheReadyQueue(_ code: Int32) throws {
        let bench = try Bench()
        let queue = bench.queue()
        let lane = waitingLane(bench, queue)
        let connection = lane.makeConnection(.defaults)
        connection.dialFailed(IOError(errnoCode: code, reason: "connect"), to: try Self.remote())
        bench.loop.run()
        #expect(lane.ready.count == 1 && lane.ready.first?.message.attempts == 0 && queue.out == 1)
        #expect(lane.dialsAgainAt > Clock.monotonic() && lane.dialsAgainAt <= Clock.monotonic() + 1_000_000_000)
        #expect(lane.blockText?.contains("tried again each second") == true)
        #expect(lane.gate.isStanding(bench.services.control, bench.clocks.clocks))
        #expect(lane.explanation().contains { $0.hasPrefix("It waits for: no connection can be opened") })
        #expect(bench.value("total_messages_transfail") == 0)
    }

    @Test func anotherFailureIsTheNextHostsTurn() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let lane = waitingLane(bench, queue)
        let connection = lane.makeConnection(.defaults)
        connection.dialFailed(IOError(errnoCode: ECONNREFUSED, reason: "connect"), to: try Self.remote())
        bench.loop.run()
        #expect(lane.ready.isEmpty && queue.heap.first?.attempts == 1)
    }
}

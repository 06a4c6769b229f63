import Client
import Glibc
import NIOCore
import NIOEmbedded
import Platform
import Shaping
import Testing

@testable import Delivery

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

    @Test(arguments: [EMFILE, ENOBUFS, EADDRNOTAVAIL]) func theMessageWaitsInTheReadyQueue(_ code: Int32) throws {
        let bench = try Bench()
        let queue = bench.queue()
        let path = bench.deadPath(queue)
        let message = bench.message(["a@example.com"], in: queue)
        path.dialsAgainAt = .max  // nothing is dialled by itself
        path.offer(message)
        bench.loop.run()
        let connection = EgressConnection(path: path, config: .defaults)
        connection.dialFailed(IOError(errnoCode: code, reason: "connect"), to: try Self.remote())
        #expect(path.ready.count == 1 && message.attempts == 0 && message.results.isEmpty)
        #expect(path.dialsAgainAt > Clock.monotonic() && path.dialsAgainAt <= Clock.monotonic() + 1_000_000_000)
        #expect(path.blockText?.contains("tried again each second") == true && path.isStanding)
        #expect(path.explanation().contains { $0.hasPrefix("It waits for: no connection can be opened") })
        #expect(bench.value("total_messages_transfail") == 0)
    }

    @Test func anotherFailureIsTheNextHostsTurn() throws {
        let bench = try Bench()
        let queue = bench.queue()
        let path = bench.deadPath(queue)
        let message = bench.message(["a@example.com"], in: queue)
        path.dialsAgainAt = .max
        path.offer(message)
        bench.loop.run()
        let connection = EgressConnection(path: path, config: .defaults)
        connection.dialFailed(IOError(errnoCode: ECONNREFUSED, reason: "connect"), to: try Self.remote())
        bench.loop.run()
        #expect(path.ready.isEmpty && message.attempts == 1)
    }
}

import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import SMTP

/// The handler on real sockets: what an embedded channel cannot show, above all how a connection ends.
@Suite struct ServerSocketTests {
    /// Sends `bytes` on a new connection, then reads until the server closes.
    private func converse(_ bytes: [UInt8], port: Int) -> (said: String, wasReset: Bool) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(socket) }
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let address = try? SocketAddress(ipAddress: "127.0.0.1", port: port)
        let connected = address?.withSockAddr { connect(socket, $0, socklen_t($1)) }
        guard connected == 0 else { return ("", true) }
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { break }
            sent += count
        }
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { return (String(decoding: said, as: UTF8.self), count < 0) }
            said += buffer[..<count]
        }
    }

    private func withServer(_ body: (Int) -> Void) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ServerHandler(configuration: .test, delegate: ScriptedDelegate()))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        body(listener.localAddress?.port ?? 0)
        try await listener.close()
    }

    @Test func aMessage() async throws {
        try await withServer { port in
            let body = String(repeating: "a line of text\r\n", count: 6000)
            let client = "HELO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n" + body + ".\r\nQUIT\r\n"
            let (said, wasReset) = converse(Array(client.utf8), port: port)
            #expect(said.hasPrefix("220 mx.test Apus\r\n"))
            #expect(said.hasSuffix("250 OK ids=1\r\n221 So long, and thanks for all the fish!\r\n"))
            #expect(!wasReset)
        }
    }

    @Test func theLastReplyReachesAClientThatKeepsSending() async throws {
        try await withServer { port in
            let client = Array("BDAT nonsense\r\n".utf8) + [UInt8](repeating: 0x78, count: 400_000)
            let (said, wasReset) = converse(client, port: port)
            #expect(said.hasSuffix("501 5.5.4 syntax: BDAT octets [LAST]\r\n"))
            #expect(!wasReset)
        }
    }
}

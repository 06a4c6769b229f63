import RedisFixture
import Synchronization
import TestSupport
import Testing

@testable import Redis

@Suite struct SubscriptionTests {
    /// *Shared.* What a listener heard.
    final class Heard: Sendable {
        private let texts = Mutex<[String]>([])
        func add(_ bytes: [UInt8]) { texts.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
        var all: [String] { texts.withLock { $0 } }
    }

    @Test func messagesAndReconnects() async throws {
        let server = try await RedisServer()
        try await TestClient.with([server.url]) { client async throws in
            let (one, two, again) = (Heard(), Heard(), Heard())
            client.client.subscribe("a") { one.add($0) }
            client.client.subscribe("b") { two.add($0) }
            try await expectEventually("both are subscribed") { one.all == [""] && two.all == [""] }
            client.client.subscribe("a") { again.add($0) }
            try await expectEventually("a second listener") { again.all == [""] }
            #expect(try await client.command("PUBLISH", "a", "x", key: nil) == .success(.integer(1)))
            #expect(try await client.command("PUBLISH", "b", "y", key: nil) == .success(.integer(1)))
            try await expectEventually("messages") { one.all == ["", "x"] && two.all == ["", "y"] && again.all == ["", "x"] }
            server.kill()
            try await server.start()
            try await expectEventually("subscribed again") { one.all == ["", "x", ""] && two.all == ["", "y", ""] }
            try await client.expectReady()
            _ = try await client.command("PUBLISH", "a", "z", key: nil)
            try await expectEventually("messages again") { one.all == ["", "x", "", "z"] }
        }
    }
}

import Message
import NIOCore
import Options
import Platform
import Resources
import SMTP
import TestSupport
import Testing

@testable import Delivery

/// A connection between an owner and scripted servers: which host is dialled, what is sent when, and what the owner hears of it.
@Suite struct EgressConnectionTests {
    @Test func aMessageIsDeliveredAndTheConnectionIsFreeAgain() async throws {
        let server = try await ScriptedPeer()
        let rig = try ConnectionRig([server.port])
        try await rig.open()
        let isSent = try await rig.run { connection, _ in
            #expect(connection.phase == "idle" && connection.peerText == "mx0.test [127.0.0.1]")
            let isSent = connection.send(AttemptTests.attempt(["a@example.com"]), recipients: 100)
            #expect(connection.phase == "delivering")
            return isSent
        }
        #expect(isSent)
        try await expectEventually("free again") { rig.notes.all.filter { $0 == "free" }.count == 2 }
        #expect(rig.notes.all == ["dial", "dialled", "free", "settled a@example.com=delivered", "free"])
        #expect(try await rig.run { connection, _ in connection.deliveries } == 1)
        try await rig.run { connection, _ in connection.quit() }
        try await expectEventually("closed") { rig.notes.contains("closed") }
        #expect(server.heard.last?.event.verb == "QUIT" && server.connections == 1)
    }

    /// A host that refuses is followed by the next; each counts as a dial.
    @Test(arguments: ["554 5.7.1 go away", "421 4.3.2 too busy"]) func theNextHostIsDialledAfterARefusal(_ greeting: String) async throws {
        let rude = try await ScriptedPeer { _ in .sayAndHangUp(greeting + "\r\n") }
        let server = try await ScriptedPeer()
        let rig = try ConnectionRig([rude.port, server.port])
        try await rig.open()
        #expect(rig.notes.all == ["dial", "dialled", "dial", "free"])
        #expect(try await rig.run { connection, _ in connection.peerText } == "mx1.test [127.0.0.1]")
    }

    @Test func whatEveryHostSaidIsToldOnce() async throws {
        let first = try await ScriptedPeer { _ in .sayAndHangUp("421 4.3.2 too busy\r\n") }
        let second = try await ScriptedPeer { $0.verb == "connect" ? .usual : .sayAndHangUp("550 5.7.1 not you\r\n") }
        let rig = try ConnectionRig([first.port, second.port])
        try await rig.run { connection, _ in connection.open() }
        try await expectEventually("closed") { rig.notes.contains("closed") }
        let failures = rig.notes.all.filter { $0.hasPrefix("failed") }
        #expect(failures.count == 1 && rig.notes.all.filter { $0 == "closed" }.count == 1)
        #expect(failures.first?.contains("not you") == true || failures.first?.contains("too busy") == true)
        #expect(!rig.notes.contains("free"))
    }

    /// The lease of its permit ended while names were looked up.
    @Test func nothingIsDialledWithoutLeave() async throws {
        let server = try await ScriptedPeer()
        let rig = try ConnectionRig([server.port]) { $0.mayDial = false }
        try await rig.run { connection, _ in connection.open() }
        #expect(rig.notes.all == ["closed"] && server.connections == 0)
    }

    /// A rate that has no room ends a connection that has dialled nothing; one that has goes on when the rate allows.
    @Test func aRatePutsTheNextHostOff() async throws {
        let rude = try await ScriptedPeer { _ in .sayAndHangUp("554 5.7.1 go away\r\n") }
        let server = try await ScriptedPeer()
        let late = try ConnectionRig([server.port]) { $0.dials = [.wait(until: .max, limit: "1/d")] }
        try await late.run { connection, _ in connection.open() }
        #expect(late.notes.all == ["dial", "closed"])
        let rig = try ConnectionRig([rude.port, server.port]) {
            $0.dials = [.granted, .wait(until: Clock.monotonic() + 20_000_000, limit: "50/s")]
        }
        try await rig.open()
        #expect(rig.notes.all == ["dial", "dialled", "dial", "dial", "free"])
    }

    /// The envelope of the next message follows the content of the one before.
    @Test func whatFollowsIsSentBehindTheContent() async throws {
        let server = try await ScriptedPeer()
        let rig = try ConnectionRig([server.port]) { $0.waiting = [AttemptTests.attempt(["b@example.com"])] }
        try await rig.open()
        try await rig.send("a@example.com")
        try await expectEventually("both") { rig.notes.contains("settled b@example.com=delivered") }
        try await expectEventually("free again") { rig.notes.all.last == "free" }
        #expect(rig.notes.all == ["dial", "dialled", "free", "settled a@example.com=delivered", "settled b@example.com=delivered", "free"])
        #expect(try await rig.run { connection, _ in connection.deliveries } == 2)
    }

    /// One session for all recipients; those that a transaction has no room for come back, and are sent next.
    @Test func recipientsBeyondTheServersRoomComeBack() async throws {
        let server = try await ScriptedPeer { $0.line.hasPrefix("RCPT TO:<c@") ? .say("452 4.5.3 too many recipients\r\n") : .usual }
        let rig = try ConnectionRig([server.port])
        try await rig.open()
        try await rig.send("a@example.com", "b@example.com", "c@example.com")
        try await expectEventually("back") { rig.notes.contains("back") }
        #expect(rig.notes.all.last == "free" || rig.notes.all.last == "back a@example.com b@example.com c@example.com")
        let rest = try await rig.run { _, owner in
            owner.back[0].transaction(recipients: 100, offersUTF8: false) { _, _ in }?.recipients.map(\.text)
        }
        #expect(rest == ["c@example.com"])
    }

    /// What the policy says of a server that drops a session with work left.
    @Test(
        arguments: [
            ("TerminateSession", 1, 0), ("ReconnectSameHost", 2, 0), ("ConnectNextHost", 1, 1),
        ] as [(String, Int, Int)]) func aDroppedSessionWithWorkLeft(_ strategy: String, _ first: Int, _ second: Int) async throws
    {
        let dropping = try await ScriptedPeer { $0.verb == "MAIL" ? .hangUp : .usual }
        let other = try await ScriptedPeer()
        let rig = try ConnectionRig([dropping.port, other.port], ["reconnect_strategy": .string(strategy)]) { $0.hasBacklog = true }
        try await rig.open()
        try await rig.send("a@example.com")
        try await expectEventually("leaving") { rig.notes.contains("leaving") }
        if strategy == "TerminateSession" {
            try await expectEventually("closed") { rig.notes.contains("closed") }
        } else {
            try await expectEventually("another session") { rig.notes.all.filter { $0 == "free" }.count == 2 }
            // Once: a host that drops every session is not dialled for ever.
        }
        #expect(dropping.connections == first && other.connections == second)
    }

    /// The permit is another node's: what is on the wire with its content waits for the reply, everything else is broken off.
    @Test func aFencedConnectionWaitsForTheReplyToAContent() async throws {
        let server = try await ScriptedPeer { $0.verb == "." ? .silence : .usual }
        let rig = try ConnectionRig([server.port])
        try await rig.open()
        try await rig.send("a@example.com")
        try await expectEventually("the content") { !server.lines(".").isEmpty }
        try await rig.run { connection, _ in connection.fence() }
        #expect(!rig.notes.contains("settled") && !rig.notes.contains("untouched"))
        server.say("250 2.0.0 ok\r\n")
        try await expectEventually("closed") { rig.notes.contains("closed") }
        #expect(rig.notes.contains("settled a@example.com=delivered"))
    }

    @Test func aFencedConnectionBreaksAnEnvelopeOff() async throws {
        let server = try await ScriptedPeer(keywords: []) { $0.verb == "MAIL" ? .silence : .usual }
        let rig = try ConnectionRig([server.port])
        try await rig.open()
        try await rig.send("a@example.com")
        try await expectEventually("the envelope") { !server.lines("MAIL").isEmpty }
        try await rig.run { connection, _ in connection.fence() }
        try await expectEventually("closed") { rig.notes.contains("closed") }
        #expect(rig.notes.contains("untouched") && !rig.notes.contains("settled"))
    }

    /// A stop lets the transaction in flight end.
    @Test func quittingWaitsForTheTransaction() async throws {
        let server = try await ScriptedPeer { $0.verb == "." ? .silence : .usual }
        let rig = try ConnectionRig([server.port])
        try await rig.open()
        try await rig.run { connection, _ in
            _ = connection.send(AttemptTests.attempt(["a@example.com"]), recipients: 100)
            connection.quitWhenIdle()
        }
        try await expectEventually("the content") { !server.lines(".").isEmpty }
        server.say("250 2.0.0 ok\r\n")
        try await expectEventually("closed") { rig.notes.contains("closed") }
        #expect(server.heard.last?.event.verb == "QUIT" && rig.notes.contains("settled a@example.com=delivered"))
    }

    /// Nothing is left of a server that hangs up between two messages but a message that goes out again.
    @Test func aSessionThatBreaksAtOnceCostsNoAttempt() async throws {
        let server = try await ScriptedPeer { $0.verb == "MAIL" ? .sayAndHangUp("421 4.4.2 idle for too long\r\n") : .usual }
        let rig = try ConnectionRig([server.port]) { $0.waiting = [] }
        try await rig.open()
        try await rig.run { connection, _ in
            connection.idleSince = Clock.monotonic() - 60_000_000_000
            _ = connection.send(AttemptTests.attempt(["a@example.com"]), recipients: 100)
        }
        try await expectEventually("leaving") { rig.notes.contains("leaving") }
        try await expectEventually("back") { rig.notes.contains("back a@example.com") }
        #expect(rig.notes.contains("broke 421") && !rig.notes.contains("settled"))
    }
}

import NIOCore
import Options
import SMTP
import TLS
import TestSupport
import Testing

@testable import Delivery

/// What a connection does about TLS: which mode takes which server, and what goes in clear.
@Suite struct EncryptedConnectionTests {
    private static let authority = TestAuthority()

    private static func request(_ name: String = "mx0.test", until: Int = 86_400) -> TestAuthority.Request {
        var request = TestAuthority.Request(name)
        request.until = until
        return request
    }

    /// A server, by what it shows. *Value.*
    enum Server: String, CaseIterable {
        case clear, good, otherName, expired, refuses
        /// Answers STARTTLS with 220 and nothing more.
        case breaks
        /// Hangs up on STARTTLS.
        case hangsUp

        func peer() async throws -> ScriptedPeer {
            switch self {
            case .clear: try await ScriptedPeer()
            case .good: try await ScriptedPeer(identity: authority.identity(request()))
            case .otherName: try await ScriptedPeer(identity: authority.identity(request("other.test")))
            case .expired: try await ScriptedPeer(identity: authority.identity(request(until: -10)))
            case .refuses: try await answering("454 4.7.0 not now\r\n")
            case .breaks: try await answering("220 go ahead\r\n")
            case .hangsUp:
                try await ScriptedPeer(identity: authority.identity(request())) { $0.verb == "STARTTLS" ? .hangUp : .usual }
            }
        }

        private func answering(_ reply: String) async throws -> ScriptedPeer {
            try await ScriptedPeer(identity: authority.identity(request())) { $0.verb == "STARTTLS" ? .say(reply) : .usual }
        }
    }

    /// How the mail went. *Value.*
    enum Way: String { case encrypted, clear, none }

    /// The table of the modes (docs/tls.md).
    static let table: [(String, [Server: Way])] = [
        (
            "Opportunistic",
            [.clear: .clear, .good: .encrypted, .otherName: .none, .expired: .none, .refuses: .clear, .breaks: .none, .hangsUp: .none]
        ),
        (
            "OpportunisticInsecure",
            [
                .clear: .clear, .good: .encrypted, .otherName: .encrypted, .expired: .encrypted, .refuses: .clear, .breaks: .clear,
                .hangsUp: .clear,
            ]
        ),
        (
            "Required",
            [.clear: .none, .good: .encrypted, .otherName: .none, .expired: .none, .refuses: .none, .breaks: .none, .hangsUp: .none]
        ),
        (
            "RequiredInsecure",
            [
                .clear: .none, .good: .encrypted, .otherName: .encrypted, .expired: .encrypted, .refuses: .none, .breaks: .none,
                .hangsUp: .none,
            ]
        ),
        (
            "Disabled",
            [.clear: .clear, .good: .clear, .otherName: .clear, .expired: .clear, .refuses: .clear, .breaks: .clear, .hangsUp: .clear]
        ),
    ]

    private func tls(_ rig: ConnectionRig) async throws -> TLSFacts? {
        try await rig.run { connection, _ in
            var outcome = AttemptOutcome(recipients: [], consumesAttempt: true)
            connection.describe(&outcome)
            return outcome.tls
        }
    }

    @Test(arguments: table.map(\.0), Server.allCases) func aModeTakesAServerOrNot(_ mode: String, _ server: Server) async throws {
        let expected = try #require(Self.table.first { $0.0 == mode }?.1[server])
        let peer = try await server.peer()
        // What only waits for a handshake that never comes need not wait long.
        let patience = server == .breaks ? "3s" : "60s"
        let rig = try ConnectionRig(
            [peer.port], ["enable_tls": .string(mode), "starttls_timeout": .string(patience)], trust: Self.authority.trust())
        try await rig.run { connection, _ in connection.open() }
        try await expectEventually("an end") { rig.notes.contains("free") || rig.notes.contains("closed") }
        guard expected != .none else {
            #expect(!rig.notes.contains("free") && rig.notes.contains("failed"))
            #expect(peer.lines("MAIL").isEmpty)
            return
        }
        try await rig.send("a@example.com")
        try await expectEventually("delivered") { rig.notes.contains("settled a@example.com=delivered") }
        let tls = try await tls(rig)
        #expect((tls != nil) == (expected == .encrypted))
        if expected == .encrypted { #expect(tls?.version == "TLSv1.3" && peer.lines("EHLO").count == 2) }
    }

    /// With the option a failed handshake is followed by the same host in clear, and the site is remembered.
    @Test func aFailedHandshakeMayBeFollowedByClear() async throws {
        let peer = try await Server.otherName.peer()
        let rig = try ConnectionRig(
            [peer.port], ["opportunistic_tls_reconnect_on_failed_handshake": .bool(true)], trust: Self.authority.trust())
        try await rig.open()
        #expect(rig.notes.contains("TLS is broken") && peer.connections == 2)
        let again = try ConnectionRig([peer.port], trust: Self.authority.trust()) { $0.remembersBrokenTLS = true }
        try await again.open()
        #expect(peer.connections == 3 && peer.lines("STARTTLS").count == 1)
    }

    /// What comes in clear behind the 220 is not taken for what comes encrypted (CVE-2011-0411).
    @Test func repliesBehindThe220AreRefused() async throws {
        let peer = try await ScriptedPeer(identity: Self.authority.identity(Self.request())) {
            $0.verb == "STARTTLS" ? .say("220 go ahead\r\n250-evil\r\n250 HELP\r\n") : .usual
        }
        let rig = try ConnectionRig([peer.port], ["enable_tls": .string("Required")], trust: Self.authority.trust())
        try await rig.run { connection, _ in connection.open() }
        try await expectEventually("closed") { rig.notes.contains("closed") }
        #expect(rig.notes.contains("failed") && !rig.notes.contains("free"))
    }

    @Test func aRequiredModeNamesWhatIsMissing() async throws {
        for (server, text) in [
            (Server.clear, "the server does not offer STARTTLS, and TLS is required"), (.otherName, "hostname mismatch"),
            (.refuses, "454 4.7.0 not now"),
        ] {
            let peer = try await server.peer()
            let rig = try ConnectionRig([peer.port], ["enable_tls": .string("Required")], trust: Self.authority.trust())
            try await rig.run { connection, _ in connection.open() }
            try await expectEventually("closed") { rig.notes.contains("closed") }
            #expect(rig.notes.all.contains { $0.hasPrefix("failed") && $0.contains(text) }, "\(rig.notes.all)")
        }
    }

    /// A second connection to the same host goes on with the session of the first.
    @Test func sessionsAreResumed() async throws {
        let peer = try await Server.good.peer()
        let trust = try Self.authority.trust()
        for isResumed in [false, true] {
            let rig = try ConnectionRig([peer.port], trust: trust)
            try await rig.open()
            #expect(try await tls(rig)?.isResumed == isResumed)
            try await rig.run { connection, _ in connection.quit() }
            try await expectEventually("closed") { rig.notes.contains("closed") }
        }
    }
}

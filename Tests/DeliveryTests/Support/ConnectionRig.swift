import DNS
import Message
import NIOCore
import NIOPosix
import Options
import Platform
import SMTP
import Shaping
import Spool
import Synchronization
import TLS
import TestSupport
import Testing

@testable import Delivery
@testable import Resources

/// One egress connection between an owner that notes what it hears and a scripted server, without a path and without a node. *Shared.*
final class ConnectionRig: Sendable {
    /// What lives on the loop. *Loop-confined.*
    final class Inside {
        let owner: Owner
        var connection: EgressConnection?
        init(_ owner: Owner) { self.owner = owner }
    }

    let loop: any EventLoop
    /// What the owner heard, in order.
    let notes = Notes()
    let inside: NIOLoopBound<Inside>

    /// What an owner hears. *Shared.*
    final class Notes: Sendable {
        private let list = Mutex<[String]>([])
        var all: [String] { list.withLock { $0 } }
        func add(_ note: String) { list.withLock { $0.append(note) } }
        func contains(_ note: String) -> Bool { all.contains { $0.hasPrefix(note) } }
    }

    /// - Parameters:
    ///   - ports: of 127.0.0.1, one host each.
    ///   - options: of the egress path.
    init(
        _ ports: [Int], _ options: [String: ConfigValue] = [:], trust: ClientContext? = nil,
        prepare: @escaping @Sendable (Owner) -> Void = { _ in }
    ) throws {
        loop = MultiThreadedEventLoopGroup.singleton.next()
        let table = try EgressPathConfig(["prohibited_hosts": []].merging(options) { $1 })
        let (loop, notes) = (loop, notes)
        inside = try loop.submit {
            let owner = Owner(notes)
            prepare(owner)
            return NIOLoopBound(Inside(owner), eventLoop: loop)
        }.wait()
        let inside = inside
        try loop.submit {
            let setup = ConnectionSetup(
                loop: loop, pathName: "source->site@smtp_client",
                route: .list(ports.enumerated().map { ("mx\($0.offset).test", $0.element, HostAddress("127.0.0.1")) }),
                source: EgressSource(name: "source", config: .unspecified), config: Held(table), hostname: "node.test",
                own: OwnAddresses([]), trust: trust, handshakes: HandshakeTurns(on: loop))
            inside.value.connection = EgressConnection(id: 1, owner: inside.value.owner, door: Door(inside: inside), setup: setup)
        }.wait()
    }

    /// Does something with the connection, on its loop.
    func run<Value: Sendable>(_ body: @escaping @Sendable (EgressConnection, Owner) throws -> Value) async throws -> Value {
        let inside = inside
        return try await loop.submit {
            guard let connection = inside.value.connection else { throw ConnectionIsGone() }
            return try body(connection, inside.value.owner)
        }.get()
    }

    struct ConnectionIsGone: Error {}

    /// Opens the connection and waits for its session.
    func open() async throws {
        try await run { connection, _ in connection.open() }
        try await expectEventually("a session") { notes.contains("free") }
    }

    /// Sends a message for these recipients.
    func send(_ recipients: String...) async throws {
        let isSent = try await run { connection, _ in connection.send(AttemptTests.attempt(recipients), recipients: 100) }
        #expect(isSent)
    }

    /// The way into the connection, as an actor's. *Shared.*
    private struct Door: ConnectionDoor {
        let inside: NIOLoopBound<Inside>

        func enter<Value: Sendable>(_ body: @Sendable (EgressConnection) -> Value) -> Value? { inside.value.connection.map(body) }
    }

    /// An owner that notes what it hears, and answers as the test says. *Loop-confined.*
    final class Owner: ConnectionOwner {
        private let notes: Notes
        var isStopping = false
        var hasBacklog = false
        var wantsAnswerTime = false
        var mayDial = true
        var remembersBrokenTLS = false
        func noteBrokenTLS() { notes.add("TLS is broken") }

        /// Answers to dials, the next first; granted when there are none.
        var dials: [PathLimits.Answer] = []
        /// What may follow, the next first.
        var waiting: [Attempt] = []
        /// What came back unsent.
        var back: [Attempt] = []

        init(_ notes: Notes) { self.notes = notes }

        func takeDial() -> PathLimits.Answer {
            notes.add("dial")
            return dials.isEmpty ? .granted : dials.removeFirst()
        }

        func connectionIsDialled() { notes.add("dialled") }
        func findAddresses(_ query: AddressQuery, for connection: EgressConnection) { notes.add("find \(query.host.name)") }
        func bodyReader(_ handle: SpoolHandle) -> @Sendable (Int, @escaping @Sendable (Result<ByteBuffer, any Error>) -> Void) -> Void {
            { _, _ in }
        }

        func connectionIsFree(_ connection: EgressConnection) { notes.add("free") }
        func connectionIsLeaving(_ connection: EgressConnection) { notes.add("leaving") }
        func connectionClosed(_ connection: EgressConnection) { notes.add("closed") }
        func connectionFailed(_ failure: DialFailure, of connection: EgressConnection) { notes.add("failed \(failure.reply.oneLine)") }
        func fellShort(_ shortage: LocalShortage) { notes.add("short") }
        func sessionBroke(_ reply: Reply, isAmbiguous: Bool) { notes.add("broke \(reply.code)") }

        func lookAhead(for connection: EgressConnection) -> Attempt? { waiting.isEmpty ? nil : waiting.removeFirst() }

        func settle(_ attempt: consuming Attempt, _ outcome: consuming AttemptOutcome) {
            let ended = attempt.end(outcome)
            let fates = ended.recipients.map { "\($0.address.text)=\($0.fate)" }.joined(separator: " ")
            notes.add(ended.recipients.isEmpty ? "untouched" : "settled \(fates)\(ended.isAmbiguous ? " ambiguous" : "")")
        }

        func putBack(_ attempt: consuming Attempt) {
            notes.add("back \(attempt.message.recipients.map(\.text).joined(separator: " "))")
            back.append(attempt)
        }
    }
}

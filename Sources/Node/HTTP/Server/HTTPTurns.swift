import DequeModule
import Message
import NIOCore

/// *Loop-confined*: shares one event loop between its HTTP connections and everything else on it, mail above all.
///
/// A request is parsed and started in a turn. Between two rounds of turns the loop looks at its sockets, so that pipelined requests, however many
/// have arrived on however many connections, delay a mail session by one round only.
final class HTTPTurns {
    private let loop: any EventLoop
    private var waiting: Deque<HTTPConnection> = []
    private var used = 0
    private var isRunPending = false
    private var isTickPending = false
    private var date: (second: Int64, text: String) = (.min, "")

    /// Requests of one round, about a millisecond of work.
    static let perRound = 16
    /// Long enough that the loop goes back to its sockets: a task that is due at once runs before them.
    private static let pause = TimeAmount.microseconds(200)

    init(loop: any EventLoop) { self.loop = loop }

    /// Gives the connection its turn, in order of asking.
    func take(_ connection: HTTPConnection) {
        waiting.append(connection)
        guard used < Self.perRound, !isRunPending else { return }
        isRunPending = true
        loop.assumeIsolated().execute {
            self.isRunPending = false
            self.run()
        }
    }

    private func run() {
        while used < Self.perRound, let connection = waiting.popFirst() {
            used += 1
            connection.turn()
        }
        guard !isTickPending else { return }
        isTickPending = true
        loop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isTickPending = false
            self.used = 0
            if !self.waiting.isEmpty { self.run() }
        }
    }

    /// The value of a `Date` field (RFC 9110 5.6.7); made once a second.
    func dateText() -> String {
        let second = Clock.wall() / 1_000_000_000
        if date.second != second { date = (second, MessageDate.rfc5322(unixSeconds: second).dropLast(5) + "GMT") }
        return date.text
    }
}

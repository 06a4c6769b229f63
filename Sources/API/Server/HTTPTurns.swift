import Delivery
import DequeModule
import Message
import NIOCore
import Resources

/// *Loop-confined*: shares one event loop between its HTTP connections and everything else on it, mail above all.
///
/// A request is parsed and started in a turn. Between two rounds of turns the loop looks at its sockets, so that pipelined requests, however many
/// have arrived on however many connections, delay a mail session by one round only.
final class HTTPTurns {
    private let loop: any EventLoop
    private var waiting: Deque<any TurnTaker> = []
    /// Connections of addresses that are not trusted.
    private var strangers: Deque<any TurnTaker> = []
    private var used = 0
    private var hasServedStranger = false
    private var isRunPending = false
    private var isTickPending = false
    private var date: (second: Int64, text: String) = (.min, "")

    /// Requests of one round, about a millisecond of work.
    static let perRound = 16
    /// Strangers may ask for the probes only: one of them a round, a few thousand a second, is more than any prober needs.
    private static let strangersPause = TimeAmount.microseconds(500)
    /// Long enough that the loop goes back to its sockets: a task that is due at once runs before them.
    private static let pause = TimeAmount.microseconds(200)

    /// The turns of that loop.
    package init(loop: any EventLoop) { self.loop = loop }

    /// Gives the connection its turn, in order of asking.
    package func take(_ connection: any TurnTaker, isTrusted: Bool) {
        if isTrusted { waiting.append(connection) } else { strangers.append(connection) }
        guard isTrusted ? used < Self.perRound : !hasServedStranger, !isRunPending else { return }
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
        if !hasServedStranger, let stranger = strangers.popFirst() {
            hasServedStranger = true
            stranger.turn()
        }
        guard !isTickPending else { return }
        isTickPending = true
        loop.assumeIsolated().scheduleTask(in: waiting.isEmpty && hasServedStranger ? Self.strangersPause : Self.pause) {
            self.isTickPending = false
            self.used = 0
            self.hasServedStranger = false
            if !self.waiting.isEmpty || !self.strangers.isEmpty { self.run() }
        }
    }

    /// The value of a `Date` field (RFC 9110 5.6.7); made once a second.
    func dateText() -> String {
        let second = Clock.wall() / 1_000_000_000
        if date.second != second { date = (second, MessageDate.rfc5322(unixSeconds: second).dropLast(5) + "GMT") }
        return date.text
    }
}

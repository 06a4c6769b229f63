internal import DequeModule
package import NIOCore

/// How many handshakes one event loop takes further per turn. *Loop-confined*: what a loop owns hands it to the handlers it makes.
///
/// A step of a handshake may sign or verify, which takes as long as hundreds of commands. A storm of new connections must not hold up the
/// sessions that are open: what exceeds the turn's share waits for the next turns, in order, while the loop serves its sockets.
package final class HandshakeTurns {
    /// Steps per turn: about a millisecond of signatures.
    static let share = 4
    /// Between two turns the loop looks at its sockets.
    static let pause = TimeAmount.microseconds(100)

    private var waiting: Deque<TLSHandler> = []
    private var taken = 0
    private var isScheduled = false

    private let loop: any EventLoop

    /// The turns of a loop.
    package init(on loop: any EventLoop) { self.loop = loop }

    /// Whether the handler may take its step now; if not, its `resume` is called later.
    func admits(_ handler: TLSHandler) -> Bool {
        guard waiting.isEmpty, taken < Self.share else {
            waiting.append(handler)
            schedule()
            return false
        }
        taken += 1
        schedule()
        return true
    }

    private func schedule() {
        guard !isScheduled else { return }
        isScheduled = true
        loop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isScheduled = false
            self.begin()
        }
    }

    private func begin() {
        taken = 0
        while taken < Self.share, let handler = waiting.popFirst() {
            taken += 1
            handler.resume()
        }
        // What came in meanwhile counts against this turn; the next one comes when there is a reason.
        if taken > 0 { schedule() }
    }
}

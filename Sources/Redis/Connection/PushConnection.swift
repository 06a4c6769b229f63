import NIOCore

/// A connection that listens on channels. *Loop-confined.*
///
/// A question comes first (log in; or ask a Sentinel), then SUBSCRIBE. A PING every few seconds finds out that the other side is gone,
/// which a connection that only listens would never notice.
final class PushConnection {
    /// *Value.* What follows the replies to the question.
    enum Next {
        case ask([[[UInt8]]])
        case subscribe([String])
        case stop(RedisFailure, String)
    }

    /// Nanoseconds between two PING, and how long the answer may take.
    static let pingInterval: Int64 = 3_000_000_000

    private let eventLoop: any EventLoop
    private let timeout: Int64
    private let timer: DeadlineTimer
    private var dialogue: Dialogue?
    private var isClosed = false
    private var isPinging = false
    /// Gets the replies to the question and says what follows.
    private let answered: ([RedisValue]) -> Next
    /// A channel is subscribed.
    var onSubscribed: ((String) -> Void)?
    /// A message: channel and payload.
    var onMessage: ((String, [UInt8]) -> Void)?
    /// The connection could not be made, or is over; called once, not after `close`.
    var onClosed: ((RedisFailure, String) -> Void)?

    init(_ eventLoop: any EventLoop, timeout: Int64, answered: @escaping ([RedisValue]) -> Next) {
        self.eventLoop = eventLoop
        self.timeout = timeout
        self.answered = answered
        timer = DeadlineTimer(eventLoop)
    }

    /// Connects and asks.
    func open(_ endpoint: RedisEndpoint, dialer: Dialer, question: [[[UInt8]]]) {
        dialer.dial(endpoint) { [weak self] dialogue, failure, text in
            guard let self, !isClosed else {
                dialogue?.close(.closed, "")
                return
            }
            guard let dialogue else { return end(failure, text) }
            self.dialogue = dialogue
            dialogue.onClose = { [weak self] in self?.end($0, "\(endpoint): \($1)") }
            ask(question)
        }
    }

    /// Listens on one more channel.
    func subscribe(_ channel: String) {
        dialogue?.tell([Array("SUBSCRIBE".utf8), Array(channel.utf8)])
        dialogue?.flush()
    }

    /// Ends it without calling `onClosed`.
    func close() {
        onClosed = nil
        end(.closed, "")
    }

    private func ask(_ question: [[[UInt8]]]) {
        guard !question.isEmpty else { return proceed(answered([])) }
        let deadline = eventLoop.nanoseconds + timeout
        var replies: [RedisValue] = []
        for parts in question {
            dialogue?.ask(parts, deadline: deadline) { [weak self] result in
                guard let self, case .success(let value) = result else { return }
                replies.append(value)
                if replies.count == question.count { proceed(answered(replies)) }
            }
        }
        dialogue?.flush()
    }

    private func proceed(_ next: Next) {
        guard !isClosed else { return }
        switch next {
        case .ask(let question): ask(question)
        case .stop(let failure, let text): end(failure, text)
        case .subscribe(let channels):
            dialogue?.onPush = { [weak self] in self?.pushed($0) }
            for channel in channels { subscribe(channel) }
            timer.fire = { [weak self] in self?.ping() }
            timer.arm(at: eventLoop.nanoseconds + Self.pingInterval)
        }
    }

    private func pushed(_ value: RedisValue) {
        isPinging = false
        if case .error(let text) = value { return end(.server(ServerAnswer.bounded(text)), text) }
        guard let parts = value.array, parts.count == 3, let channel = parts[1].text else { return }
        switch parts[0].text {
        case "subscribe": onSubscribed?(channel)
        case "message": onMessage?(channel, parts[2].bytes ?? [])
        default: break
        }
    }

    private func ping() {
        guard !isClosed else { return }
        if isPinging { return end(.timeout, "no answer to PING") }
        isPinging = true
        dialogue?.tell([Array("PING".utf8)])
        dialogue?.flush()
        timer.arm(at: eventLoop.nanoseconds + Self.pingInterval)
    }

    private func end(_ failure: RedisFailure, _ text: String) {
        guard !isClosed else { return }
        isClosed = true
        timer.cancel()
        dialogue?.onClose = nil
        dialogue?.close(failure, text)
        dialogue = nil
        let onClosed = self.onClosed
        self.onClosed = nil
        onSubscribed = nil
        onMessage = nil
        onClosed?(failure, text)
    }
}

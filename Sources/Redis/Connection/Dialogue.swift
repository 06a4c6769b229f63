import NIOCore
import Synchronization

/// One connection: commands in, answers out, in order and each within its deadline. *Loop-confined.*
///
/// Everything asked between two `flush` leaves in one write, and so does what is asked while the replies of one read are handled.
///
/// *Diagnostics*: a deadline that passes, a reply nobody asked for, and a broken transport end the connection: `onClose` first, then every
/// open question is answered with a failure, so that what the answers ask next finds the connection gone.
final class Dialogue: ReplyReceiver {
    typealias Answer = (Result<RedisValue, RedisFailure>) -> Void

    /// Questions under way at once.
    static let maxPending = 1 << 17
    /// Bytes that wait for the socket.
    static let maxUnsent = 64 << 20

    private let channel: any Channel
    private let counters: RedisCounters
    private let timer: DeadlineTimer
    private var pending = PendingReplies<Answer>()
    private var outgoing: ByteBuffer
    private var unsent = 0
    private var isReading = false
    private(set) var isClosed = false
    /// Called once when the connection is over, with one sentence.
    var onClose: ((RedisFailure, String) -> Void)?
    /// Gets replies that nobody asked for (pub/sub); without it such a reply is a breach of the protocol.
    var onPush: ((RedisValue) -> Void)?

    /// On the loop only; nil when the channel is closed already.
    init?(_ channel: any Channel, counters: RedisCounters) {
        self.channel = channel
        self.counters = counters
        timer = DeadlineTimer(channel.eventLoop)
        outgoing = channel.allocator.buffer(capacity: 1_024)
        guard let handler = try? channel.pipeline.syncOperations.handler(type: ReplyHandler.self), handler.attach(self) else {
            return nil
        }
        timer.fire = { [weak self] in self?.deadlinePassed() }
    }

    /// When the transport is gone.
    var closeFuture: EventLoopFuture<Void> { channel.closeFuture }

    /// How many answers are due.
    var pendingCount: Int { pending.count }

    /// Adds a command to the next write; `answer` is called once.
    func ask(_ parts: [[UInt8]], deadline: Int64, answer: @escaping Answer) {
        guard !isClosed else { return answer(.failure(.disconnected)) }
        guard pending.count < Self.maxPending, unsent + outgoing.readableBytes < Self.maxUnsent,
            CommandEncoder.encode(parts, into: &outgoing)
        else { return answer(.failure(.tooLarge)) }
        pending.add(answer, deadline: deadline)
        counters.commands.wrappingAdd(1, ordering: .relaxed)
        timer.arm(at: deadline)
    }

    /// Adds a command whose replies go to `onPush`.
    func tell(_ parts: [[UInt8]]) {
        guard !isClosed, CommandEncoder.encode(parts, into: &outgoing) else { return }
        counters.commands.wrappingAdd(1, ordering: .relaxed)
    }

    /// Writes what was asked.
    func flush() {
        guard !isReading, !isClosed, outgoing.readableBytes > 0 else { return }
        let count = outgoing.readableBytes
        let buffer = outgoing
        outgoing = channel.allocator.buffer(capacity: 1_024)
        unsent += count
        counters.roundTrips.wrappingAdd(1, ordering: .relaxed)
        // A failed write closes the channel, which tells everybody.
        channel.writeAndFlush(buffer).assumeIsolated().whenComplete { [weak self] _ in self?.unsent -= count }
    }

    /// Ends the connection.
    func close(_ failure: RedisFailure, _ text: String) {
        closed(failure, text)
        channel.close(promise: nil)
    }

    // MARK: What the handler says

    func received(_ value: RedisValue) {
        isReading = true
        if let answer = pending.answered() {
            answer(.success(value))
        } else if let onPush {
            onPush(value)
        } else {
            close(.disconnected, "the server sent a reply that was not asked for")
        }
    }

    func readCompleted() {
        isReading = false
        flush()
    }

    func closed(_ failure: RedisFailure, _ text: String) {
        guard !isClosed else { return }
        isClosed = true
        timer.cancel()
        let waiting = pending.drain(now: channel.eventLoop.nanoseconds)
        let onClose = self.onClose
        self.onClose = nil
        onPush = nil
        onClose?(failure, text)
        for (answer, isExpired) in waiting { answer(.failure(isExpired ? .timeout : failure == .timeout ? .disconnected : failure)) }
    }

    private func deadlinePassed() {
        if pending.isExpired(now: channel.eventLoop.nanoseconds) {
            close(.timeout, "a command was not answered in time")
        } else if let deadline = pending.nextDeadline {
            timer.arm(at: deadline)
        }
    }
}

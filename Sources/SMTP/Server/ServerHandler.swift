package import NIOCore
import Synchronization
package import TLS

/// Drives one `ServerSession` on a channel: the last handler of a listener's child channel. *Loop-confined.*
///
/// Replies of one read batch go out as one write. Back pressure is withheld `read()`s: while a verdict is awaited, or the
/// client does not take our replies, nothing is read from the socket. One timer per session is re-armed lazily.
package final class ServerHandler: ChannelDuplexHandler, SessionDriver {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// Content is being received: the next read may be large.
    package var isReceivingContent: Bool { session.machine.need == .content }

    /// The session, for the delegate's bookkeeping.
    package let session: ServerSession

    private let tls: TLSStart?
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    private var hasBegun = false
    private var isInBatch = false
    private var isReadHeld = false
    private var isClosing = false
    private var inputHasEnded = false
    private var isStopping = false

    private static let identifiers = Atomic<UInt64>(1)

    /// A handler for one connection.
    /// - Parameter tls: how it starts TLS; nil when STARTTLS is not offered.
    package init(configuration: ServerConfiguration, delegate: any ServerSessionDelegate, tls: TLSStart? = nil) {
        self.tls = tls
        let id = Self.identifiers.wrappingAdd(1, ordering: .relaxed).oldValue
        session = ServerSession(configuration: configuration, facts: SessionFacts(id: id), delegate: delegate)
        session.driver = self
    }

    /// Tells the client 421 and closes: at once when it is idle, else after the message in flight. On the loop.
    package func shutdown() {
        guard let context, hasBegun else {
            isStopping = true
            return
        }
        session.shutdown(now: now(context))
        pump(context)
    }

    // MARK: Life

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    package func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !hasBegun else { return }
        hasBegun = true
        session.facts.peer = context.channel.remoteAddress
        session.facts.local = context.channel.localAddress
        let start = now(context)
        session.begin(now: start)
        pump(context)
        arm(context, now: start)
        if isStopping { shutdown() }
    }

    private func end() {
        timer?.cancel()
        timer = nil
        context = nil
        isClosing = true
        session.end()
    }

    // MARK: Input

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isInBatch = true
        session.receive(unwrapInboundIn(data), now: now(context))
        if session.ending != nil || session.output.readableBytes >= ServerSession.outputLimit { pump(context) }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        isInBatch = false
        pump(context)
        context.fireChannelReadComplete()
    }

    package func read(context: ChannelHandlerContext) {
        if mayRead(context) {
            context.read()
        } else {
            isReadHeld = true
        }
    }

    private func mayRead(_ context: ChannelHandlerContext) -> Bool {
        session.wantsInput && (context.channel.isWritable || session.isClosed)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            inputHasEnded = true
            pump(context)
        }
        switch event {
        case TLSEvent.established(let facts): session.secured(facts, now: now(context))
        case TLSEvent.failed(let failure): session.encryptionFailed(failure)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset or a broken transport: nothing can be said any more, and there is nobody to say it to.
        context.close(promise: nil)
    }

    // MARK: Output

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        countUnsent(context)
        if context.channel.isWritable { pump(context) }
        context.fireChannelWritabilityChanged()
    }

    func sessionMayAdvance() {
        guard let context else { return }
        pump(context)
    }

    func sessionStartsTLS() {
        guard let context, let tls else { return }
        context.writeAndFlush(wrapOutboundOut(session.output), promise: nil)
        session.output = ByteBuffer()
        do {
            try context.pipeline.syncOperations.addHandler(tls.makeHandler(), position: .before(self))
        } catch {
            session.encryptionFailed(TLSFailure(.handshake, "\(error)"))
            context.close(promise: nil)
        }
    }

    /// Moves the session as far as it goes, sends what it said, and opens or closes the tap.
    private func pump(_ context: ChannelHandlerContext) {
        let time = now(context)
        while true {
            session.advance(now: time)
            let isFull = session.output.readableBytes >= ServerSession.outputLimit
            if isFull || !isInBatch || session.ending != nil { flush(context) }
            guard isFull, !isClosing, context.channel.isWritable else { break }
        }
        guard self.context != nil, !isClosing else { return }
        if inputHasEnded, session.machine.need != .verdict, !isInBatch {
            // The client has closed its side and everything it said has been answered.
            isClosing = true
            close(context, lingering: false)
            return
        }
        if isReadHeld, mayRead(context) {
            isReadHeld = false
            context.read()
        }
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        if let ending = session.ending {
            isClosing = true
            close(context, lingering: ending.lingering && !inputHasEnded)
            return
        }
        guard session.output.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(session.output), promise: nil)
        countUnsent(context)
        session.output.clear()  // keeps its memory if the write is already through
    }

    /// What the channel keeps for a client that does not read; below the low mark it is not worth asking.
    private func countUnsent(_ context: ChannelHandlerContext) {
        guard !context.channel.isWritable || session.unsent != 0 else { return }
        session.unsent = context.channel.isWritable ? 0 : (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Sends the last reply and closes behind it. When the client may still be sending, only our side is closed and its
    /// bytes are dropped until it closes too or the timer has had enough: a socket closed with unread input is reset, and a
    /// reset may overtake the reply.
    private func close(_ context: ChannelHandlerContext, lingering: Bool) {
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            guard let context = self.context else { return }
            context.close(mode: lingering ? .output : .all, promise: nil)
            if lingering, isReadHeld {
                isReadHeld = false
                context.read()
            }
        }
        context.writeAndFlush(wrapOutboundOut(session.output), promise: written)
        session.output = ByteBuffer()
        guard self.context != nil else { return }
        // The deadline has come nearer than the armed timer may know.
        arm(context, now: now(context))
    }

    // MARK: Time

    private func now(_ context: ChannelHandlerContext) -> Int64 {
        Int64(truncatingIfNeeded: context.eventLoop.now.uptimeNanoseconds)
    }

    private func arm(_ context: ChannelHandlerContext, now: Int64) {
        guard self.context != nil else { return }
        timer?.cancel()
        let deadline = session.clock.next(for: session.machine.need).time
        let wake = max(min(deadline, now + session.clock.shortest), now + 1_000_000)
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(UInt64(wake))) {
            // Held until it fires or `end` cancels it. Not weak: one weak reference makes every retain of the handler slow.
            self.wakeUp()
        }
    }

    private func wakeUp() {
        guard let context else { return }
        let time = now(context)
        let (deadline, reason) = session.clock.next(for: session.machine.need)
        if time >= deadline {
            guard let reason else {
                context.close(promise: nil)
                return
            }
            session.expire(reason, now: time)
            pump(context)
            return
        }
        arm(context, now: time)
    }
}

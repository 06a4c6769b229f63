package import NIOCore

/// Encrypts a channel: the first handler of its pipeline, from the start (implicit TLS) or put there later (STARTTLS). *Loop-confined.*
///
/// On a channel that becomes active under it, it tells the others only when the handshake is done. What they write before that is sent after
/// it. Both ways bytes go through OpenSSL in place, and what one read batch brings about leaves as one write.
///
/// *Diagnostics.* A handshake that fails or takes too long, and a record that is broken, arrive as `TLSEvent.failed`, and the connection is
/// closed. Nothing is logged here.
package final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum State {
        case handshaking
        case open
        /// No more is read or written.
        case over
    }

    private var engine: TLSEngine
    private let isServer: Bool
    private let turns: HandshakeTurns
    private let deadline: TimeAmount
    private var state = State.handshaking
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    /// `channelActive` was seen and is told after the handshake.
    private var holdsActive = false
    private var hasBegun = false
    /// A step of the handshake waits for its turn.
    private var isQueued = false
    private var isReadHeld = false
    private var isReading = false
    private var inputHasEnded = false
    /// Written before the handshake was done.
    private var early = CircularBuffer<(ByteBuffer, EventLoopPromise<Void>?)>()
    /// What hears of the next write.
    private var written: EventLoopPromise<Void>?

    /// The side that is called.
    package init(server context: ServerContext, turns: HandshakeTurns, deadline: TimeAmount) throws(TLSError) {
        engine = try .make(context)
        isServer = true
        self.turns = turns
        self.deadline = deadline
    }

    /// The side that calls.
    package init(client context: ClientContext, _ demand: ServerDemand, turns: HandshakeTurns, deadline: TimeAmount) throws(TLSError) {
        engine = try .make(context.call(demand))
        isServer = false
        self.turns = turns
        self.deadline = deadline
    }

    // MARK: Life

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) { end() }

    package func channelActive(context: ChannelHandlerContext) {
        holdsActive = true
        begin(context)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        if case .handshaking = state {
            state = .over
            context.fireUserInboundEventTriggered(TLSEvent.failed(TLSFailure(.disconnected, "the peer hung up within the TLS handshake")))
        }
        end()
        if !holdsActive { context.fireChannelInactive() }
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !hasBegun else { return }
        hasBegun = true
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: deadline) { self.timeOut() }
        if !isServer { advance(context) }
    }

    private func end() {
        state = .over
        timer?.cancel()
        timer = nil
        context = nil
        for (_, promise) in early { promise?.fail(ChannelError.ioOnClosedChannel) }
        early.removeAll()
        written?.fail(ChannelError.ioOnClosedChannel)
        written = nil
    }

    private func timeOut() {
        guard case .handshaking = state, let context else { return }
        fail(TLSFailure(.timedOut, "the TLS handshake took too long"), context)
    }

    // MARK: Input

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        isReading = true
        if engine.wire.incoming.readableBytes == 0 {
            engine.wire.incoming = bytes
        } else {
            engine.wire.incoming.discardReadBytes()
            engine.wire.incoming.writeBuffer(&bytes)
        }
        advance(context)
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        if engine.wire.incoming.readableBytes == 0 { engine.wire.incoming = ByteBuffer() }  // an idle session holds no buffer
        context.fireChannelReadComplete()
        send(context, flushing: true)
    }

    package func read(context: ChannelHandlerContext) {
        if isQueued { isReadHeld = true } else { context.read() }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            if case .handshaking = state {
                return fail(TLSFailure(.disconnected, "the peer hung up within the TLS handshake"), context)
            }
            guard !inputHasEnded else { return }
            inputHasEnded = true
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// The turn of a step that had to wait.
    func resume() {
        isQueued = false
        guard let context, case .handshaking = state else { return }
        step(context)
        if !isReading {
            context.fireChannelReadComplete()
            send(context, flushing: true)
        }
        if isReadHeld, self.context != nil {
            isReadHeld = false
            context.read()
        }
    }

    private func advance(_ context: ChannelHandlerContext) {
        switch state {
        case .handshaking:
            guard !isQueued else { return }
            guard turns.admits(self) else {
                isQueued = true
                return
            }
            step(context)
        case .open: decrypt(context)
        case .over: engine.wire.incoming = ByteBuffer()
        }
    }

    private func step(_ context: ChannelHandlerContext) {
        switch engine.handshake() {
        case .wantsInput: send(context, flushing: true)
        case .failed(let failure): fail(failure, context)
        case .done(let facts):
            state = .open
            timer?.cancel()
            timer = nil
            send(context, flushing: true)
            context.fireUserInboundEventTriggered(TLSEvent.established(facts))
            if holdsActive {
                holdsActive = false
                context.fireChannelActive()
            }
            while let (bytes, promise) = early.popFirst() { encrypt(bytes, promise, context) }
            send(context, flushing: true)
            decrypt(context)
        }
    }

    private func decrypt(_ context: ChannelHandlerContext) {
        while case .open = state, !inputHasEnded {
            let size = max(1024, min(16 * 1024, max(engine.wire.incoming.readableBytes, engine.pending)))
            var plain = context.channel.allocator.buffer(capacity: size)
            var reading = TLSEngine.Reading.bytes
            while case .bytes = reading, plain.writableBytes > 0 { reading = engine.decrypt(into: &plain) }
            if plain.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plain)) }
            switch reading {
            case .bytes: break
            case .wantsInput: return
            case .ended:
                inputHasEnded = true
                context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
                return
            case .failed(let failure): return fail(failure, context)
            }
        }
    }

    private func fail(_ failure: TLSFailure, _ context: ChannelHandlerContext) {
        guard state != .over else { return }
        state = .over
        timer?.cancel()
        timer = nil
        holdsActive = false
        send(context, flushing: true)  // the alert, which tells the peer why
        context.fireUserInboundEventTriggered(TLSEvent.failed(failure))
        context.close(promise: nil)
    }

    // MARK: Output

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        switch state {
        case .handshaking: early.append((bytes, promise))
        case .open: encrypt(bytes, promise, context)
        case .over: promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    package func flush(context: ChannelHandlerContext) {
        send(context, flushing: false)
        context.flush()
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .open = state, mode != .input else { return context.close(mode: mode, promise: promise) }
        engine.shutDown()
        guard mode == .all else {
            send(context, flushing: true)
            return context.close(mode: mode, promise: promise)
        }
        state = .over
        farewell(context, promise)
    }

    /// Closes once the end of the session is told: within the flush of what was said last, closing at once would drop it. Who is asked to close
    /// again, or whose client does not read, does not wait.
    private func farewell(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let told = context.eventLoop.makePromise(of: Void.self)
        if let written { written.futureResult.cascade(to: told) } else { written = told }
        told.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: promise) }
        send(context, flushing: true)
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { context.close(promise: nil) }
    }

    /// How long a client that does not read keeps a connection that is being closed.
    private static let patience = TimeAmount.seconds(1)

    private func encrypt(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        if let failure = engine.encrypt(bytes) {
            promise?.fail(failure)
            return fail(failure, context)
        }
        guard let promise else { return }
        if let written { written.futureResult.cascade(to: promise) } else { written = promise }
    }

    /// Hands what OpenSSL has to say to the channel.
    private func send(_ context: ChannelHandlerContext, flushing: Bool) {
        let promise = written
        written = nil
        guard engine.wire.outgoing.readableBytes > 0 else {
            promise?.succeed()
            return
        }
        let bytes = engine.wire.outgoing
        engine.wire.outgoing = ByteBuffer()
        context.write(wrapOutboundOut(bytes), promise: promise)
        if flushing { context.flush() }
    }
}

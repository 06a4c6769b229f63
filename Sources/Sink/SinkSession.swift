import Glibc
import NIOCore
import Synchronization

/// One connection of the sink: a byte-level SMTP server that forgets what it is told.
///
/// *Loop-confined.* Replies of one read leave in one write. A rule that delays stops the reading, so a waiting session holds at most one
/// read of input. Nothing here traps on input; what is no SMTP gets 500, an endless line ends the connection.
final class SinkSession: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// *Value.* A point where rules apply; what happens there if none does, see `apply`.
    enum Step {
        case connect
        case ehlo(extended: Bool)
        case mail
        case rcpt([UInt8])
        case data, dot

        var stage: SinkRule.Stage {
            switch self {
            case .connect: .connect
            case .ehlo: .ehlo
            case .mail: .mail
            case .rcpt: .rcpt
            case .data: .data
            case .dot: .dot
            }
        }
    }

    /// *Value.* What the next bytes are.
    enum Mode: Equatable {
        case command
        case data
        /// Octets of a BDAT chunk; `isValid`: a transaction is open for it.
        case chunk(remaining: Int, isLast: Bool, isValid: Bool)
    }

    static let maxLine = 4096

    let shared: Sink.Shared
    let id: UInt64
    var mode = Mode.command
    var out = ByteBuffer()
    var isClosing = false

    /// The name the client gave itself, as far as it is recorded.
    var client: [UInt8] = []

    // The transaction.
    var hasSender = false
    var mailNanoseconds: UInt64 = 0
    var recipientCount = 0
    var recipients: [[UInt8]] = []
    var contentBytes = 0
    var scanner = ContentScanner()
    var capture: HeaderCapture?

    private var luck: SplitMix64
    private var context: ChannelHandlerContext?
    private var line: [UInt8] = []
    /// A delay runs: input waits here.
    private var held: ByteBuffer?
    private var wantsRead = false
    private var delay: Scheduled<Void>?

    init(shared: Sink.Shared, id: UInt64) {
        self.shared = shared
        self.id = id
        luck = SplitMix64(seed: shared.configuration.seed &+ id &* 0xD134_2543_DE82_EF95)
        if shared.recorder != nil { capture = HeaderCapture(name: shared.configuration.recordHeader) }
    }

    // MARK: Rules

    /// Decides about `step` and carries it out, now or after a delay.
    func decide(_ step: Step) {
        guard shared.plan.hasRules(at: step.stage) else { return apply(step, SinkPlan.Verdict()) }
        let concerned = if case .rcpt(let address) = step { [address][...] } else { recipients[...] }
        let verdict = shared.plan.verdict(at: step.stage, recipients: concerned, luck: &luck)
        guard verdict.delay > .zero, let context else { return apply(step, verdict) }
        held = context.channel.allocator.buffer(capacity: 0)
        delay = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(verdict.delay)) {
            self.apply(step, verdict)
            self.resume()
        }
    }

    private func resume() {
        delay = nil
        let input = held
        held = nil
        if let input { process(input) }
        flush()
        if held == nil, wantsRead {
            wantsRead = false
            context?.read()
        }
    }

    // MARK: Bytes

    private func process(_ input: ByteBuffer) {
        input.withUnsafeReadableBytes { bytes in
            var at = 0
            while at < bytes.count, !isClosing {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
                if held != nil {
                    held?.writeBytes(rest)
                    return
                }
                switch mode {
                case .command: at += takeLine(rest)
                case .data: at += takeData(rest)
                case .chunk(let remaining, let isLast, let isValid):
                    let size = min(remaining, rest.count)
                    if isValid { keep(UnsafeRawBufferPointer(rebasing: rest[..<size])) }
                    at += size
                    mode = .chunk(remaining: remaining - size, isLast: isLast, isValid: isValid)
                    if remaining == size { endOfChunk(isLast: isLast, isValid: isValid) }
                }
            }
        }
    }

    private func takeLine(_ rest: UnsafeRawBufferPointer) -> Int {
        guard let base = rest.baseAddress, let found = memchr(base, 0x0A, rest.count) else {
            if line.count + rest.count > Self.maxLine { endless() } else { line.append(contentsOf: rest) }
            return rest.count
        }
        let length = base.distance(to: UnsafeRawPointer(found)) + 1
        if line.count + length > Self.maxLine {
            endless()
        } else if line.isEmpty {
            command(UnsafeRawBufferPointer(rebasing: rest[..<length]))
        } else {
            line.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[..<length]))
            let whole = line
            line.removeAll(keepingCapacity: true)
            whole.withUnsafeBytes { command($0) }
        }
        return length
    }

    private func endless() {
        refuse("500 5.5.2 line too long\r\n")
        isClosing = true
    }

    private func takeData(_ rest: UnsafeRawBufferPointer) -> Int {
        let (used, isEnd) = scanner.scan(rest)
        keep(UnsafeRawBufferPointer(rebasing: rest[..<used]))
        if isEnd {
            contentBytes -= 3
            endOfContent()
        }
        return used
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) {
        contentBytes += bytes.count
        capture?.add(bytes)
    }

    // MARK: Replies

    /// A refusal of the sink's own.
    func refuse(_ text: StaticString) {
        shared.tally.refusals.wrappingAdd(1, ordering: .relaxed)
        out.writeStaticString(text)
    }

    private func flush() {
        guard let context else { return }
        if out.readableBytes > 0 {
            context.writeAndFlush(wrapOutboundOut(out), promise: nil)
            out.clear()
        }
        if isClosing { context.close(promise: nil) }
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) { begin() }

    private func begin() {
        shared.tally.connections.wrappingAdd(1, ordering: .relaxed)
        shared.tally.open.wrappingAdd(1, ordering: .relaxed)
        shared.connectionRecorder?.add(nanoseconds: NIODeadline.now().uptimeNanoseconds, isOpen: true, client: [], session: id)
        decide(.connect)
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        shared.tally.open.wrappingSubtract(1, ordering: .relaxed)
        shared.connectionRecorder?.add(nanoseconds: NIODeadline.now().uptimeNanoseconds, isOpen: false, client: client, session: id)
        isClosing = true
        delay?.cancel()
        delay = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { process(unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) { flush() }

    func read(context: ChannelHandlerContext) {
        if held == nil { context.read() } else { wantsRead = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

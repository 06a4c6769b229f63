import NIOCore

/// *Loop-confined*: one SMTP session to the relay: EHLO, then one pipelined transaction after the other.
final class SourceSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case connected, introduced, idle
        /// Awaits the answers to MAIL, RCPT and DATA of a message; whether all were good so far.
        case addressed(message: Int, answers: Int)
        case sent(message: Int)
        case leaving
    }

    private let run: LoadRun
    private var state = State.connected
    private var pending: ByteBuffer?
    private var context: ChannelHandlerContext?

    init(run: LoadRun) { self.run = run }

    func channelActive(context: ChannelHandlerContext) { self.context = context }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        switch state {
        case .idle, .leaving: break
        default: run.fail("the relay closed a session in the middle of a message")
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Sends the next message, if one is due.
    func proceed() {
        state = .idle
        guard let message = run.take(for: self) else {
            if run.isExhausted { leave() }
            return
        }
        state = .addressed(message: message, answers: 0)
        write("MAIL FROM:<sender@source.example>\r\nRCPT TO:<recipient@\(run.plan.domain(of: message))>\r\nDATA\r\n")
    }

    private func leave() {
        state = .leaving
        write("QUIT\r\n")
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if var earlier = pending {
            pending = nil
            earlier.writeBuffer(&bytes)
            bytes = earlier
        }
        while let end = bytes.readableBytesView.firstIndex(of: 10), let line = bytes.readSlice(length: end - bytes.readerIndex + 1) {
            if line.getInteger(at: line.readerIndex + 3, as: UInt8.self) != UInt8(ascii: "-") { answered(line, context) }
        }
        if bytes.readableBytes > 0 { pending = bytes }
    }

    private func answered(_ line: ByteBuffer, _ context: ChannelHandlerContext) {
        let first = line.getInteger(at: line.readerIndex, as: UInt8.self) ?? 0
        let isGood = first == UInt8(ascii: "2") || first == UInt8(ascii: "3")
        switch state {
        case .connected where isGood:
            state = .introduced
            write("EHLO load.example\r\n")
        case .introduced where isGood: proceed()
        case .addressed(let message, let answers) where isGood:
            guard answers == 2 else {
                state = .addressed(message: message, answers: answers + 1)
                return
            }
            state = .sent(message: message)
            run.sent(message)
            context.writeAndFlush(wrapOutboundOut(run.content(of: message)), promise: nil)
        case .sent:
            run.answered(isAccepted: isGood, reply: String(buffer: line))
            guard run.plan.reconnects, !run.isExhausted else { return proceed() }
            leave()
            run.connect()
        case .leaving: context.close(promise: nil)
        case .idle: break
        default:
            run.fail("the relay refused: \(String(buffer: line))")
            leave()
        }
    }

    private func write(_ text: String) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}

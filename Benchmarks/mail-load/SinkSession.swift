import Glibc
import NIOCore

/// *Loop-confined*: the sink's side of one SMTP session; it reads the number of each message and drops the rest.
final class SinkSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let run: LoadRun
    private var isInContent = false
    private var pending: ByteBuffer?

    init(run: LoadRun) { self.run = run }

    func channelActive(context: ChannelHandlerContext) { reply(context, "220 sink.example ESMTP\r\n") }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if var earlier = pending {
            pending = nil
            earlier.writeBuffer(&bytes)
            bytes = earlier
        }
        while bytes.readableBytes > 0, isInContent ? readContent(&bytes, context) : readCommand(&bytes, context) {}
        if bytes.readableBytes > 0 { pending = bytes }
    }

    private func readCommand(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        guard let end = bytes.readableBytesView.firstIndex(of: 10), let line = bytes.readSlice(length: end - bytes.readerIndex + 1) else {
            return false
        }
        switch (line.getInteger(at: line.readerIndex, as: UInt16.self) ?? 0) & 0xDFDF {
        case 0x4548: reply(context, "250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")  // EH
        case 0x4441:  // DA
            isInContent = true
            reply(context, "354 go\r\n")
        case 0x5155:  // QU
            reply(context, "221 bye\r\n")
            context.close(promise: nil)
        default: reply(context, "250 ok\r\n")
        }
        return true
    }

    private func readContent(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        let ending: StaticString = "\r\n.\r\n"
        guard let end = bytes.offset(of: ending), let content = bytes.readSlice(length: end) else { return false }
        bytes.moveReaderIndex(forwardBy: ending.utf8CodeUnitCount)
        isInContent = false
        if let number = content.loadNumber { run.arrived(number) } else { run.fail("a message came without its number") }
        reply(context, "250 ok\r\n")
        return true
    }

    private func reply(_ context: ChannelHandlerContext, _ text: StaticString) {
        var bytes = context.channel.allocator.buffer(capacity: text.utf8CodeUnitCount)
        bytes.writeStaticString(text)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}

extension ByteBuffer {
    /// Where the text begins, counted from the reader index; nil when it is not there.
    fileprivate func offset(of text: StaticString) -> Int? {
        withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            let length = text.utf8CodeUnitCount
            var start = 0
            while start + length <= bytes.count, let found = memchr(base + start, Int32(text.utf8Start[0]), bytes.count - start) {
                let place = UnsafeRawPointer(found) - base
                if place + length <= bytes.count, memcmp(found, text.utf8Start, length) == 0 { return place }
                start = place + 1
            }
            return nil
        }
    }

    /// The number in the header that `LoadRun.content` wrote.
    fileprivate var loadNumber: Int? {
        let name: StaticString = "X-Load: "
        guard let start = offset(of: name) else { return nil }
        return getString(at: readerIndex + start + name.utf8CodeUnitCount, length: LoadPlan.digits).flatMap { Int($0) }
    }
}

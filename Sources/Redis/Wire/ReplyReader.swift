import CHiredis

/// Cuts the bytes of a server into replies (RESP2), by hiredis' reader. *Loop-confined.*
///
/// hiredis finds the borders and checks the syntax; the values are built here, not by hiredis, because its own array takes whatever
/// memory the server announces. Here memory grows only with bytes that have arrived.
///
/// *Diagnostics*: `feed` returns why the stream cannot be read on; the connection must then be closed.
final class ReplyReader {
    /// *Value.* Bounds of one reply.
    struct Bounds {
        /// Bytes on the wire.
        var bytes = 16 << 20
        /// Values, with all those inside arrays.
        var values = 1 << 19
        /// Bytes of a line: a status, an error, a number.
        var line = 16 << 10
    }

    /// *Value.* Why reading ended.
    enum Fault: Error, Equatable {
        case tooLarge
        /// hiredis' words.
        case malformed(String)
    }

    private let bounds: Bounds
    private let builder: ReplyBuilder
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let reader: UnsafeMutablePointer<redisReader>
    /// Bytes that came since the end of the last complete reply, those of following replies excepted.
    private var unfinished = 0
    private(set) var fault: Fault?

    init(bounds: Bounds = Bounds()) {
        self.bounds = bounds
        builder = ReplyBuilder(maxValues: bounds.values)
        functions = .allocate(capacity: 1)
        functions.initialize(to: ReplyBuilder.functions)
        guard let reader = redisReaderCreateWithFunctions(functions) else { fatalError("out of memory") }
        self.reader = reader
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Takes what has arrived and hands over each complete reply, until `take` returns false or the stream is broken.
    func feed(_ bytes: UnsafeRawBufferPointer, take: (RedisValue) -> Bool) -> Fault? {
        if let fault { return fault }
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        guard redisReaderFeed(reader, base.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK else { return end(.tooLarge) }
        unfinished += bytes.count
        while true {
            var object: UnsafeMutableRawPointer?
            guard redisReaderGetReply(reader, &object) == REDIS_OK else { return end(builder.isTooLarge ? .tooLarge : malformed()) }
            guard object != nil else { return checkBounds() }
            // The object is only a mark; the value stands in the builder.
            unfinished = reader.pointee.len - reader.pointee.pos
            guard let value = builder.take() else { return end(.malformed("a reply without a value")) }
            guard take(value) else { return nil }
        }
    }

    private func checkBounds() -> Fault? {
        guard unfinished <= bounds.bytes else { return end(.tooLarge) }
        let held = reader.pointee.len - reader.pointee.pos
        // hiredis searches the end of a line from its start at each feed: without a bound, time would grow with the square.
        switch apus_reader_waits_for(reader) {
        case REDIS_REPLY_STATUS, REDIS_REPLY_ERROR, REDIS_REPLY_INTEGER, REDIS_REPLY_ARRAY:
            return held > bounds.line ? end(.tooLarge) : nil
        case REDIS_REPLY_STRING:
            guard held > 32, let start = reader.pointee.buf else { return nil }
            let head = UnsafeBufferPointer(start: start + reader.pointee.pos, count: 32)
            return head.contains(0x0D) ? nil : end(.malformed("a string without a length"))
        default: return nil
        }
    }

    private func malformed() -> Fault {
        let text = withUnsafeBytes(of: reader.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }.map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
        }
        return .malformed(text)
    }

    private func end(_ fault: Fault) -> Fault {
        self.fault = fault
        return fault
    }
}

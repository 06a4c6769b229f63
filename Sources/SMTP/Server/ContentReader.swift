import Glibc
import NIOCore

/// Why the content of a message cannot be accepted. *Value.* The first fault counts; the rest is swallowed unread.
enum ContentFault: Equatable {
    case lineEndings
    case lineTooLong
    case tooBig
    /// The delegate refused a streamed piece.
    case refused(Reply)

    /// What to say at the end of the content.
    var reply: Reply {
        switch self {
        case .lineEndings: FixedReply.lineEndings.reply
        case .lineTooLong: FixedReply.lineTooLong.reply
        case .tooBig: FixedReply.tooBig.reply
        case .refused(let reply): reply
        }
    }
}

/// Reads the content of one message, from DATA or BDAT. *State machine*, without I/O.
///
/// Only CRLF ends a line and only CRLF.CRLF ends DATA, whatever is done about lone CR and LF: where a message ends must
/// not depend on leniency (SMTP smuggling). Works on the raw bytes of a read with `memchr`, copies each run of bytes once,
/// and gives the same result however the bytes are cut into reads: faults are ranked by their position.
struct ContentReader {
    private enum State {
        /// At the start of a line.
        case lineStart
        /// Behind a dot at the start of a line.
        case dot
        /// Behind dot CR at the start of a line.
        case dotCR
        /// Within a line.
        case text
        /// Behind a CR that is not yet in `content`, because the next byte decides what it is.
        case cr
    }

    /// What was read and not yet taken.
    private(set) var content = ByteBuffer()
    /// The first fault.
    private(set) var fault: ContentFault?
    /// True once an octet above 127 was seen.
    private(set) var is8bit = false
    /// Octets of content so far, taken or not.
    private(set) var total = 0
    /// Octets that came over the wire for this message; the measure of progress.
    private(set) var received = 0

    private var state = State.lineStart
    private var lineLength = 0
    private let maxSize: Int
    private let lineLimit: Int
    private let endings: ServerConfiguration.LineEndings

    /// Most that a client's SIZE= may make us reserve before it has sent anything.
    private static let reserveLimit = 64 * 1024

    init(maxSize: Int, lineLimit: Int, endings: ServerConfiguration.LineEndings) {
        self.maxSize = maxSize
        self.lineLimit = lineLimit
        self.endings = endings
    }

    /// Starts a message.
    mutating func begin(expecting size: Int?) {
        end()
        if let size, size > 0 { content.reserveCapacity(min(size, maxSize, Self.reserveLimit)) }
    }

    /// Forgets the message and frees its memory.
    mutating func end() {
        content = ByteBuffer()
        fault = nil
        is8bit = false
        total = 0
        received = 0
        state = .lineStart
        lineLength = 0
    }

    /// Hands over what was read so far.
    mutating func take() -> ByteBuffer {
        let taken = content
        content = ByteBuffer()
        return taken
    }

    /// Swallows the rest of the message.
    mutating func refuse(_ reply: Reply) { set(.refused(reply)) }

    /// Reads octets of a BDAT chunk: binary, without dots and without an end of their own.
    mutating func feedChunk(_ bytes: UnsafeRawBufferPointer) {
        let (consumed, ended) = feed(bytes, stuffed: false)
        precondition(consumed == bytes.count && !ended, "a chunk ends by its count only")
    }

    /// The last octet of the last chunk was read: a CR still held back is a lone one.
    mutating func finishChunks() {
        guard state == .cr else { return }
        state = .text
        loneReturn()
    }

    /// Reads DATA. `ended` when CRLF.CRLF was seen; then `consumed` says where the next command starts, else all was read.
    mutating func feedData(_ bytes: UnsafeRawBufferPointer) -> (consumed: Int, ended: Bool) {
        feed(bytes, stuffed: true)
    }

    private mutating func feed(_ bytes: UnsafeRawBufferPointer, stuffed: Bool) -> (consumed: Int, ended: Bool) {
        guard let base = bytes.baseAddress else { return (0, false) }
        let count = bytes.count
        var index = 0
        var spanStart = 0  // first byte not yet copied
        var ended = false

        scan: while index < count {
            switch state {
            case .lineStart:
                if stuffed, bytes[index] == Self.dotByte {
                    copy(base, spanStart, index)
                    index += 1
                    spanStart = index
                    state = .dot
                } else {
                    state = .text
                }
            case .dot:
                if bytes[index] == Self.returnByte {
                    index += 1
                    spanStart = index
                    state = .dotCR
                } else {
                    state = .text  // the dot was stuffing, RFC 5321, 4.5.2
                }
            case .dotCR:
                if bytes[index] == Self.feedByte {
                    index += 1
                    spanStart = index
                    ended = true
                    break scan
                }
                state = .text
                loneReturn()
            case .cr:
                if bytes[index] == Self.feedByte {
                    append(Self.lineEnd)
                    index += 1
                    spanStart = index
                    lineLength = 0
                    state = .lineStart
                } else {
                    state = .text
                    loneReturn()
                }
            case .text:
                let feed = memchr(base + index, Int32(Self.feedByte), count - index)
                let end = feed.map { UnsafeRawPointer($0) - base } ?? count
                let turn = memchr(base + index, Int32(Self.returnByte), end - index)
                let stop = turn.map { UnsafeRawPointer($0) - base } ?? end
                grow(by: stop - index, base, &spanStart, from: index)
                if turn == nil {
                    index = end
                    guard feed != nil else { break scan }
                    lone(base, &spanStart, at: &index)
                } else if stop + 1 == count {
                    copy(base, spanStart, stop)
                    index = count
                    spanStart = count
                    state = .cr
                } else if stop + 1 == end, feed != nil {
                    index = end + 1
                    lineLength = 0
                    state = .lineStart
                } else {
                    index = stop
                    lone(base, &spanStart, at: &index)
                }
            }
        }
        copy(base, spanStart, index)
        received += index
        if !is8bit, fault == nil { is8bit = Self.hasHighOctet(UnsafeRawBufferPointer(rebasing: bytes[..<index])) }
        return (index, ended)
    }

    /// Counts `added` octets of the present line, from `index` on.
    private mutating func grow(by added: Int, _ base: UnsafeRawPointer, _ spanStart: inout Int, from index: Int) {
        guard fault == nil else { return }
        let room = lineLimit - lineLength
        if added > room {
            // What stands before the first octet too many may already make the message too big: the earlier fault counts.
            copy(base, spanStart, index + max(room, 0))
            set(.lineTooLong)
        }
        lineLength += added
    }

    /// A lone CR or LF stands at `index`, within the bytes at hand.
    private mutating func lone(_ base: UnsafeRawPointer, _ spanStart: inout Int, at index: inout Int) {
        switch endings {
        case .deny:
            copy(base, spanStart, index)
            set(.lineEndings)
            spanStart = index + 1
        case .allow:
            grow(by: 1, base, &spanStart, from: index)
        case .fix:
            copy(base, spanStart, index)
            append(Self.lineEnd)
            lineLength = 0
            spanStart = index + 1
        }
        index += 1
    }

    /// The CR that was held back turns out to stand alone.
    private mutating func loneReturn() {
        switch endings {
        case .deny:
            set(.lineEndings)
        case .allow:
            lineLength += 1
            if lineLength > lineLimit { set(.lineTooLong) }
            append("\r")
        case .fix:
            append(Self.lineEnd)
            lineLength = 0
        }
    }

    private mutating func copy(_ base: UnsafeRawPointer, _ start: Int, _ end: Int) {
        guard end > start, fault == nil, admit(end - start) else { return }
        content.writeBytes(UnsafeRawBufferPointer(start: base + start, count: end - start))
    }

    private mutating func append(_ text: StaticString) {
        guard fault == nil, admit(text.utf8CodeUnitCount) else { return }
        content.writeStaticString(text)
    }

    private mutating func admit(_ octets: Int) -> Bool {
        total += octets
        if total > maxSize { set(.tooBig) }
        return fault == nil
    }

    private mutating func set(_ fault: ContentFault) {
        guard self.fault == nil else { return }
        self.fault = fault
        content = ByteBuffer()
    }

    private static var dotByte: UInt8 { UInt8(ascii: ".") }
    private static var returnByte: UInt8 { UInt8(ascii: "\r") }
    private static var feedByte: UInt8 { UInt8(ascii: "\n") }
    private static var lineEnd: StaticString { "\r\n" }

    private static func hasHighOctet(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var seen: UInt64 = 0
        var index = 0
        while index + 8 <= bytes.count {
            seen |= bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < bytes.count {
            seen |= UInt64(bytes[index])
            index += 1
        }
        return seen & 0x8080_8080_8080_8080 != 0
    }
}

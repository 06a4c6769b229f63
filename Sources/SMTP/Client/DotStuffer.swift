import Glibc
import NIOCore

/// Makes content fit for DATA, piece by piece: CRLF line ends only, and a dot doubled at the start of a line (RFC 5321 4.5.2).
///
/// *State machine*, pure. The receiver finds the end of the message at CRLF.CRLF, and some find it at other spellings too
/// (LF.LF, LF.CRLF, CR.CR). So no bare CR or LF leaves this place: each becomes CRLF, and the dot after it is doubled. Clean pieces,
/// which is nearly all, are given back as they are without copying; they are only searched.
struct DotStuffer: Sendable {
    /// What the previous byte was.
    private enum Position { case lineStart, afterCR, inLine }

    private var position = Position.lineStart

    init() {}

    /// The piece as it must be sent.
    mutating func stuff(_ piece: ByteBuffer, allocator: ByteBufferAllocator) -> ByteBuffer {
        var position = self.position
        let clean = piece.withUnsafeReadableBytes { Self.cleanPrefix($0, &position) }
        let total = piece.readableBytes
        if clean == total {
            self.position = position
            return piece
        }
        var result = allocator.buffer(capacity: total + total / 16 + 16)
        piece.withUnsafeReadableBytes { bytes in
            if clean > 0 { result.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<clean])) }
            var at = clean
            while at < total {
                Self.writeRepair(bytes[at], &position, &at, into: &result)
                let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
                let run = Self.cleanPrefix(rest, &position)
                if run > 0 { result.writeBytes(UnsafeRawBufferPointer(rebasing: rest[..<run])) }
                at += run
            }
        }
        self.position = position
        return result
    }

    /// What must follow the content so that it ends with CRLF and the final dot.
    var terminator: ByteBuffer {
        switch position {
        case .lineStart: Self.dot
        case .afterCR: Self.feedDot
        case .inLine: Self.lineEndDot
        }
    }

    private static let dot = ByteBuffer(staticString: ".\r\n")
    private static let feedDot = ByteBuffer(staticString: "\n.\r\n")
    private static let lineEndDot = ByteBuffer(staticString: "\r\n.\r\n")

    /// How many bytes from the start may be sent as they are. `position` moves over them; if the result is short, the byte after them
    /// needs something written before or around it.
    private static func cleanPrefix(_ bytes: UnsafeRawBufferPointer, _ position: inout Position) -> Int {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return 0 }
        let count = bytes.count
        var at = 0
        if position == .afterCR {
            guard bytes[0] == 0x0A else { return 0 }
            position = .lineStart
            at = 1
        }
        while at < count {
            if position == .lineStart, bytes[at] == UInt8(ascii: ".") { return at }
            let feed = memchr(base + at, 0x0A, count - at)
            let end = feed.map { base.distance(to: UnsafeRawPointer($0)) } ?? count
            // The only CR of a clean line is the one before its LF. Without LF the line may end with a CR whose LF is still to come.
            if let found = memchr(base + at, 0x0D, end - at) {
                let cr = base.distance(to: UnsafeRawPointer(found))
                // Bare, so its LF must be supplied; or the last byte of the piece, and the next one tells.
                if cr + 1 < end || end == count {
                    position = .afterCR
                    return cr + 1
                }
            } else if feed != nil {
                // A bare LF.
                if end > at { position = .inLine }
                return end
            } else {
                position = .inLine
                return count
            }
            position = .lineStart
            at = end + 1
        }
        return count
    }

    /// Handles the one byte `cleanPrefix` stopped at, or supplies the LF it lacks before it.
    private static func writeRepair(_ byte: UInt8, _ position: inout Position, _ at: inout Int, into result: inout ByteBuffer) {
        switch position {
        case .afterCR:
            // The CR before was bare; the byte itself is looked at anew.
            result.writeInteger(UInt8(0x0A))
            position = .lineStart
        case .lineStart, .inLine:
            at += 1
            if byte == 0x0A {
                result.writeStaticString("\r\n")
                position = .lineStart
            } else {
                result.writeStaticString("..")
                position = .inLine
            }
        }
    }
}

import Glibc

/// Cuts the bytes of a server into replies (RFC 5321 4.2).
///
/// *State machine*, pure. Memory is bounded: a line has at most `maxLineLength` bytes with its CRLF, a reply at most `maxLines`
/// lines. A multi-line reply whose codes differ takes the code of its last line, as Postfix does: RFC 5321 4.2.1 forbids it but the
/// last line is the one every client acts on.
///
/// A bare LF ends a line too, because some servers end all of theirs so, and blanks at its end are no text. Two parties who disagree about
/// line ends disagree about how many replies there are: `isLiberal` says that it happened, and the session then stops to send commands
/// ahead and takes no reply that comes before its command (`ClientHandler`).
///
/// How the bytes are cut never changes what comes out.
struct ReplyParser: Sendable {
    /// Bytes of a line, CRLF included.
    static let maxLineLength = 2048
    /// Lines of one reply.
    static let maxLines = 100

    /// *Value.* What a peer said that is no reply. After one of these the stream cannot be understood any more.
    enum Failure: Error, Equatable {
        case malformedCode, lineTooLong, tooManyLines
        /// Not of the parser: a reply came before its command, in a session with doubtful line ends.
        case premature

        /// For logs.
        var text: String {
            switch self {
            case .malformedCode: "a line that does not start with a reply code"
            case .lineTooLong: "a line of more than \(ReplyParser.maxLineLength) bytes"
            case .tooManyLines: "a reply of more than \(ReplyParser.maxLines) lines"
            case .premature: "a reply before its command, with line ends that are not CRLF"
            }
        }
    }

    /// *Value.*
    enum Outcome: Equatable {
        case reply(RawReply)
        case failure(Failure)
    }

    /// All bytes of the reply being read.
    private var pending: [UInt8] = []
    private var lineStart = 0
    private var lines = 0
    private var failed: Failure?
    /// Some line ended with a bare LF.
    private(set) var isLiberal = false
    /// The beginning of the line that was no reply.
    private var rejected: [UInt8] = []

    init() { pending.reserveCapacity(256) }

    /// True between replies.
    var isAtBoundary: Bool { pending.isEmpty }

    /// What the server said that is no reply, or not yet one: printable, at most `excerptLimit` bytes; nil when there is nothing.
    var excerpt: String? {
        let bytes = failed == nil ? pending[...].prefix(Self.excerptLimit) : rejected[...]
        // Several lines of an incomplete reply are told as one.
        let line = RawReply.withoutTrailingBlanks(ArraySlice(bytes.lazy.filter { $0 != 0x0D }.map { $0 == 0x0A ? 0x20 : $0 }))
        return line.isEmpty ? nil : RawReply.printable(line)
    }

    private static let excerptLimit = 160

    /// Reads until one reply is complete or the input ends.
    /// - Parameter quietClass: replies whose code begins with this digit come without their lines; 0 for none.
    /// - Returns: how many bytes were used, and the reply if one was completed. After a failure every call returns that failure
    ///   and uses all bytes.
    mutating func consume(
        _ input: UnsafeRawBufferPointer, quietClass: Int
    ) -> (used: Int, outcome: Outcome?) {
        if let failed { return (input.count, .failure(failed)) }
        var used = 0
        while used < input.count {
            let rest = UnsafeRawBufferPointer(rebasing: input[used...])
            let room = Self.maxLineLength - (pending.count - lineStart)
            let window = min(rest.count, room)
            guard let feed = memchr(rest.baseAddress!, 0x0A, window) else {
                if rest.count >= room {
                    pending.append(contentsOf: rest.prefix(Self.excerptLimit))
                    return fail(.lineTooLong, input.count)
                }
                pending.append(contentsOf: rest)
                return (input.count, nil)
            }
            let length = rest.baseAddress!.distance(to: UnsafeRawPointer(feed)) + 1
            pending.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[..<length]))
            used += length
            switch endOfLine() {
            case .failure(let failure): return fail(failure, input.count)
            case .success(nil): continue
            case .success(let code?):
                let reply = RawReply(code: code, bytes: code / 100 == quietClass ? [] : Array(pending))
                pending.removeAll(keepingCapacity: pending.capacity <= 4 * Self.maxLineLength)
                lineStart = 0
                lines = 0
                return (used, .reply(reply))
            }
        }
        return (used, nil)
    }

    /// Judges the line just completed; a code when it is the last of its reply.
    private mutating func endOfLine() -> Result<Int?, Failure> {
        let whole = pending[lineStart...].dropLast()
        if whole.last != 0x0D { isLiberal = true }
        let line = RawReply.withoutTrailingBlanks(whole)
        lines += 1
        // "250 text", "250-text", and "250" alone, which RFC 5321 4.2.1 asks clients to accept.
        guard line.count >= 3 else { return .failure(.malformedCode) }
        let first = line[lineStart] &- 0x30
        let second = line[lineStart + 1] &- 0x30
        let third = line[lineStart + 2] &- 0x30
        guard (2...5).contains(first), second < 10, third < 10 else { return .failure(.malformedCode) }
        let code = Int(first) * 100 + Int(second) * 10 + Int(third)
        guard line.count > 3 else { return .success(code) }
        switch line[lineStart + 3] {
        case UInt8(ascii: "-"):
            guard lines < Self.maxLines else { return .failure(.tooManyLines) }
            lineStart = pending.count
            return .success(nil)
        case UInt8(ascii: " "): return .success(code)
        default: return .failure(.malformedCode)
        }
    }

    private mutating func fail(_ failure: Failure, _ count: Int) -> (used: Int, outcome: Outcome?) {
        failed = failure
        rejected = Array(pending[lineStart...].prefix(Self.excerptLimit))
        pending = []
        return (count, .failure(failure))
    }
}

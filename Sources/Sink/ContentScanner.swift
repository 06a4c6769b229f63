import Glibc

/// Finds the end of DATA: CRLF.CRLF, the first CRLF being that of the DATA command if the message is empty.
///
/// *State machine*, pure. How the bytes are cut makes no difference.
struct ContentScanner {
    private static let end: [UInt8] = Array("\r\n.\r\n".utf8)
    /// How much of `end` was just seen.
    private var matched = 2

    init() {}

    /// - Returns: how many bytes of `bytes` belong to the content with its end mark, and whether the end mark was found.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> (used: Int, isEnd: Bool) {
        guard let base = bytes.baseAddress else { return (0, false) }
        var at = 0
        while at < bytes.count {
            if matched == 0 {
                guard let found = memchr(base + at, 0x0D, bytes.count - at) else { return (bytes.count, false) }
                at = base.distance(to: UnsafeRawPointer(found)) + 1
                matched = 1
                continue
            }
            let byte = bytes[at]
            at += 1
            if byte == Self.end[matched] {
                matched += 1
                if matched == 5 { return (at, true) }
            } else {
                matched = byte == 0x0D ? 1 : 0
            }
        }
        return (at, false)
    }
}

/// Which metadata and headers a log shows. *Value.*
///
/// A name matches a pattern without regard to ASCII case; a trailing `*` matches any rest.
package struct LogSelection: Sendable, Hashable {
    /// Names of meta values; `*` stands for any characters.
    package var meta: [String]
    /// Names of header fields; `*` stands for any characters.
    package var headers: [String]

    /// Shows what the patterns name.
    package init(meta: [String] = [], headers: [String] = []) {
        self.meta = meta
        self.headers = headers
    }

    /// Shows everything the record holds.
    package static let everything = LogSelection(meta: ["*"], headers: ["*"])

    /// Whether metadata `key` is shown.
    package func selects(meta key: String) -> Bool { meta.contains { Self.matches($0, key) } }

    /// Whether header `name` is shown.
    package func selects(header name: String) -> Bool { headers.contains { Self.matches($0, name) } }

    private static func matches(_ pattern: String, _ name: String) -> Bool {
        var expected = pattern.utf8.makeIterator()
        var actual = name.utf8.makeIterator()
        let isPrefix = pattern.utf8.last == UInt8(ascii: "*")
        var left = pattern.utf8.count - (isPrefix ? 1 : 0)
        while left > 0 {
            guard let wanted = expected.next(), let found = actual.next(), folded(wanted) == folded(found) else { return false }
            left -= 1
        }
        return isPrefix || actual.next() == nil
    }

    private static func folded(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
}

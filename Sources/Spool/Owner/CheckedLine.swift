import CChecksum

/// A line of text with a checksum before it: `xxxxxxxx text`. *value*.
package enum CheckedLine {
    /// The checksum of a text, as eight hexadecimal digits.
    package static func sum(_ text: String) -> String {
        var text = text
        let sum = text.withUTF8 { apus_crc32c(0, $0.baseAddress, $0.count) }
        let digits = String(sum, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }

    static func make(_ text: String) -> String { sum(text) + " " + text + "\n" }

    /// The text of a line without its line feed; nil when the checksum is not its own.
    static func read(_ line: Substring) -> String? {
        guard line.utf8.count > 9, line.utf8.prefix(8).allSatisfy({ $0 < 0x80 }) else { return nil }
        let text = String(line.dropFirst(9))
        return line.dropFirst(8).first == " " && line.prefix(8) == sum(text) ? text : nil
    }
}

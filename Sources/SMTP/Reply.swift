package import NIOCore

/// One SMTP reply: three digits, perhaps an enhanced status code, one or more lines of text. *Value.* RFC 5321, 4.2.
///
/// `lines` hold text only. The code, the enhanced code and the line ends are added by `encode(into:)`, which also makes
/// every text harmless: control characters become spaces, so a policy's text cannot forge a further reply, and lines
/// over the 512 octets of RFC 5321, 4.5.3.1.5 are continued on a further line.
package struct Reply: Sendable, Equatable {
    /// The reply code, 200 to 599.
    package var code: Int
    /// The enhanced status code, repeated on every line.
    package var enhanced: EnhancedStatus?
    /// The text of each line, without codes and line ends. Empty means one line without text.
    package var lines: [String]

    /// Creates a reply of any number of lines.
    package init(code: Int, enhanced: EnhancedStatus? = nil, lines: [String]) {
        self.code = code
        self.enhanced = enhanced
        self.lines = lines
    }

    /// Creates a reply of one line.
    package init(_ code: Int, _ enhanced: EnhancedStatus?, _ text: String) {
        self.init(code: code, enhanced: enhanced, lines: [text])
    }

    /// Creates a reply of one line, without an enhanced status code.
    package init(_ code: Int, _ text: String) {
        self.init(code: code, lines: [text])
    }

    /// True for 2yz and 3yz.
    package var isPositive: Bool { code < 400 }

    /// The reply as one line for logs: `550 5.7.1 first line second line`.
    package var oneLine: String {
        var text = String(code)
        if let enhanced { text += " " + enhanced.text }
        for line in lines where !line.isEmpty { text += " " + line }
        return text
    }

    /// Appends the reply in wire form.
    ///
    /// A code outside 200...599 (a policy's mistake) goes out as 554: a peer must never see a reply it cannot parse.
    package func encode(into buffer: inout ByteBuffer) {
        let code = (200...599).contains(self.code) ? self.code : 554
        let status = enhanced?.text
        guard let last = lines.last else {
            Self.encodeLine("", code, status, isLast: true, into: &buffer)
            return
        }
        for line in lines.dropLast() {
            Self.encodeLine(line, code, status, isLast: false, into: &buffer)
        }
        Self.encodeLine(last, code, status, isLast: true, into: &buffer)
    }

    /// Octets of text on one line; with code, enhanced code and CRLF the line stays below 512.
    private static let textLimit = 480

    private static func encodeLine(
        _ text: String, _ code: Int, _ status: String?, isLast: Bool, into buffer: inout ByteBuffer
    ) {
        var text = text
        text.withUTF8 { utf8 in
            var rest = utf8[...]
            while rest.count > textLimit {
                let cut = breakPoint(in: rest)
                encodePiece(rest[..<cut], code, status, isLast: false, into: &buffer)
                rest = rest[cut...]
                if rest.first == UInt8(ascii: " ") { rest = rest.dropFirst() }
            }
            encodePiece(rest, code, status, isLast: isLast, into: &buffer)
        }
    }

    /// Where to break a long line: at its last space, else before a whole UTF-8 character.
    private static func breakPoint(in text: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        let end = text.startIndex + textLimit
        if let space = text[..<end].lastIndex(of: UInt8(ascii: " ")), space > text.startIndex { return space }
        var cut = end
        while cut > text.startIndex + textLimit - 4, text[cut] & 0xC0 == 0x80 { cut -= 1 }
        return cut
    }

    private static func encodePiece(
        _ text: Slice<UnsafeBufferPointer<UInt8>>, _ code: Int, _ status: String?, isLast: Bool,
        into buffer: inout ByteBuffer
    ) {
        buffer.writeInteger(UInt8(ascii: "0") + UInt8(code / 100))
        buffer.writeInteger(UInt8(ascii: "0") + UInt8(code / 10 % 10))
        buffer.writeInteger(UInt8(ascii: "0") + UInt8(code % 10))
        buffer.writeInteger(isLast ? UInt8(ascii: " ") : UInt8(ascii: "-"))
        if let status {
            buffer.writeString(status)
            if !text.isEmpty { buffer.writeInteger(UInt8(ascii: " ")) }
        }
        if text.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            buffer.writeBytes(text.lazy.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 })
        } else {
            buffer.writeBytes(text)
        }
        buffer.writeStaticString("\r\n")
    }
}

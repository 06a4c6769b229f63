/// Domain names as this target keeps them: ASCII, lower case, without the dot at the end. *Value.*
package enum DomainName {
    /// The normal form of `text`, or nil when it is no host or service name: labels of 1 to 63 letters, digits, `-` and
    /// `_`, 253 bytes in all (RFC 1035 2.3.4). U-labels must have been converted before.
    package static func normalize(_ text: String) -> String? {
        var bytes = Array(text.utf8.prefix(256))
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        guard (1...253).contains(bytes.count) else { return nil }
        var labelLength = 0
        for index in bytes.indices {
            if bytes[index] == UInt8(ascii: ".") {
                guard labelLength > 0 else { return nil }
                labelLength = 0
                continue
            }
            guard let folded = fold(bytes[index]) else { return nil }
            bytes[index] = folded
            labelLength += 1
            guard labelLength <= 63 else { return nil }
        }
        return labelLength > 0 ? String(decoding: bytes, as: UTF8.self) : nil
    }

    /// Reads an uncompressed wire name (RFC 1035 3.1) that must fill `bytes`. The root is `""`. Nil for anything else,
    /// also for labels with bytes no host name has: such names come from mistakes or from attackers.
    static func decode(wire bytes: UnsafeRawBufferPointer) -> String? {
        guard (1...255).contains(bytes.count) else { return nil }
        var text: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let length = Int(bytes[position])
            position += 1
            if length == 0 {
                return position == bytes.count ? String(decoding: text, as: UTF8.self) : nil
            }
            // Above 63 is a compression pointer, which rdata handed to us never has.
            guard length <= 63, length < bytes.count - position else { return nil }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for byte in bytes[position..<position + length] {
                guard let folded = fold(byte) else { return nil }
                text.append(folded)
            }
            position += length
        }
        return nil
    }

    private static func fold(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x61...0x7a, 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "_"): byte
        case 0x41...0x5a: byte | 0x20
        default: nil
        }
    }
}

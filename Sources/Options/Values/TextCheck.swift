import Platform

/// Which texts may go where: into a greeting, a header name, a label, a path. *Value* (a namespace).
///
/// These texts end up in protocol lines, metrics and log fields, so a line break in one of them would be an injection.
package enum TextCheck {
    /// The most bytes a scalar configuration text may have before it is parsed at all.
    package static let longestScalar = 256

    /// Whether a text has no control characters (C0, DEL, C1, line and paragraph separators).
    package static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            let value = scalar.value
            return value >= 0x20 && !(0x7F...0x9F).contains(value) && value != 0x2028 && value != 0x2029
        }
    }

    /// What a name must be, for error texts.
    package static let nameText = "a text of 1 to 255 bytes without control characters"

    /// Whether a text can name something: 1 to 255 bytes, printable.
    package static func isName(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && isPrintable(text)
    }

    /// Whether a text can be a file system path: 1 to 4,095 bytes without NUL or line breaks.
    package static func isPath(_ text: String) -> Bool {
        (1...4095).contains(text.utf8.count) && isPrintable(text)
    }

    /// Whether a text can be the name of a header field (RFC 5322 3.6.8), short enough never to need folding.
    package static func isHeaderName(_ text: String) -> Bool {
        (1...76).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3A }
    }

    /// Whether a text is a host name in ASCII: labels of letters, digits, `-` and `_`, 1 to 63 bytes each, 253 in all.
    package static func isHostName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard (1...253).contains(bytes.count) else { return false }
        let labels = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
        return labels.enumerated().allSatisfy { index, label in
            if label.isEmpty { return index == labels.count - 1 && index > 0 }  // the root's dot
            return label.count <= 63 && label.first != 0x2D && label.last != 0x2D
                && label.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2D || byte == 0x5F
                }
        }
    }

    /// Whether a text may follow EHLO: a host name or an address literal (RFC 5321 4.1.3).
    package static func isHelloDomain(_ text: String) -> Bool {
        guard text.utf8.first == 0x5B, text.utf8.last == 0x5D, text.utf8.count > 2 else { return isHostName(text) }
        let inner = String(text.dropFirst().dropLast())
        if HostAddress(inner)?.isV4 == true { return true }
        guard inner.lowercased().hasPrefix("ipv6:") else { return false }
        return HostAddress(String(inner.dropFirst(5)))?.isV4 == false
    }

    /// At most 60 characters of a text, with control characters shown as `?`, for error texts.
    package static func shortened(_ text: String) -> String {
        var shown = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if index == 60 { return shown + "…" }
            shown.unicodeScalars.append(isPrintable(String(scalar)) ? scalar : "?")
        }
        return shown
    }
}

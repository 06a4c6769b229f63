extension EnvelopeAddress {
    /// `local@domain` for the wire, the local part quoted only where the grammar asks for it; `""` for the null path; the local part alone
    /// for bare `postmaster`. Never contains a control character: in an address that was made by hand from bad parts they are written as `?`, so
    /// that no such address can end a command line.
    package var text: String {
        if isNull { return "" }
        var written = Self.isDotString(localPart) ? localPart : Self.quoted(localPart)
        if !domain.isEmpty {
            written += "@"
            written += domain
        }
        return written.firstControlOffset == nil ? written : Self.masked(written)
    }

    /// Whether a local part is a `Dot-string` and can be written bare.
    private static func isDotString(_ local: String) -> Bool {
        var afterDot = true
        for byte in local.utf8 {
            if byte == Byte.dot {
                if afterDot { return false }
                afterDot = true
            } else {
                guard byte >= 0x80 || Byte.isAtext(byte) else { return false }
                afterDot = false
            }
        }
        return !afterDot
    }

    private static func quoted(_ local: String) -> String {
        var bytes: [UInt8] = [Byte.quote]
        bytes.reserveCapacity(local.utf8.count + 4)
        for byte in local.utf8 {
            if byte == Byte.quote || byte == Byte.backslash { bytes.append(Byte.backslash) }
            bytes.append(byte)
        }
        bytes.append(Byte.quote)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func masked(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            scalars.append(scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value ? "?" : scalar)
        }
        return String(scalars)
    }
}

/// Recursive descent over `Mailbox` (RFC 5321 section 4.1.2 with the extensions of RFC 6531 section 3.3). *Value*; reads only inside its buffer.
struct MailboxScanner {
    private let bytes: UnsafeRawBufferPointer
    /// Offset of the next byte.
    var position: Int

    private static let localPartLimit = 64
    private static let domainLimit = 255
    private static let labelLimit = 63

    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// Whether everything was read.
    var isAtEnd: Bool { position >= bytes.count }

    /// The next byte, nil at the end.
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// The most telling error for the next byte: what stands there may itself be forbidden everywhere.
    func fault(_ code: AddressError.Code) -> AddressError {
        guard let byte = peek else { return AddressError(.unterminated, at: position) }
        if Byte.isControl(byte) { return AddressError(.controlCharacter, at: position) }
        if byte >= 0x80 {
            guard let length = scalarLength(at: position) else { return AddressError(.invalidUTF8, at: position) }
            if length == 0 { return AddressError(.controlCharacter, at: position) }
        }
        return AddressError(code, at: position)
    }

    /// `Local-part "@" ( Domain / address-literal )`, or bare `postmaster` if allowed.
    mutating func mailbox(allowPostmaster: Bool) throws(AddressError) -> EnvelopeAddress {
        let start = position
        let quoted = peek == Byte.quote
        let local = try quoted ? quotedLocalPart() : dotString()
        guard peek == Byte.at else {
            let ended = isAtEnd || peek == Byte.greater
            if ended {
                if allowPostmaster && !quoted && local.asciiLowered == "postmaster" {
                    return EnvelopeAddress(localPart: local, domain: "")
                }
                throw AddressError(.missingDomain, at: position)
            }
            throw fault(.invalidLocalPart)
        }
        position += 1
        let domain = try domainOrLiteral()
        guard position - start <= EnvelopeAddress.maximumLength else { throw AddressError(.tooLong, at: start) }
        return EnvelopeAddress(localPart: local, domain: domain)
    }

    private mutating func dotString() throws(AddressError) -> String {
        let start = position
        var afterDot = true
        scan: while let byte = peek {
            if Byte.isAtext(byte) {
                position += 1
                afterDot = false
            } else if byte == Byte.dot {
                if afterDot { throw AddressError(.invalidLocalPart, at: position) }
                position += 1
                afterDot = true
            } else if byte >= 0x80 {
                try skipScalar()
                afterDot = false
            } else {
                break scan
            }
            if position - start > Self.localPartLimit { throw AddressError(.localPartTooLong, at: start) }
        }
        if afterDot { throw fault(.invalidLocalPart) }
        return text(from: start)
    }

    private mutating func quotedLocalPart() throws(AddressError) -> String {
        let start = position
        var content: [UInt8] = []
        position += 1
        while let byte = peek {
            switch byte {
            case Byte.quote:
                position += 1
                if position - start > Self.localPartLimit { throw AddressError(.localPartTooLong, at: start) }
                return String(decoding: content, as: UTF8.self)
            case Byte.backslash:
                position += 1
                // quoted-pairSMTP: printable ASCII and space only, also under RFC 6531.
                guard let escaped = peek, 0x20...0x7E ~= escaped else { throw fault(.invalidLocalPart) }
                content.append(escaped)
                position += 1
            case 0x20...0x7E:
                content.append(byte)
                position += 1
            default:
                let scalar = position
                guard byte >= 0x80 else { throw fault(.invalidLocalPart) }
                try skipScalar()
                content.append(contentsOf: bytes[scalar..<position])
            }
            if position - start > Self.localPartLimit { throw AddressError(.localPartTooLong, at: start) }
        }
        throw AddressError(.unterminated, at: position)
    }

    private mutating func domainOrLiteral() throws(AddressError) -> String {
        peek == Byte.openBracket ? try literal() : try domain()
    }

    private mutating func literal() throws(AddressError) -> String {
        let start = position
        position += 1
        // The longest literal is `[IPv6:` + 45 + `]`; reading further would only help an attacker.
        while let byte = peek, byte != Byte.closeBracket, position - start < 64 {
            guard Byte.isAlphanumeric(byte) || byte == Byte.colon || byte == Byte.dot else { throw fault(.invalidLiteral) }
            position += 1
        }
        guard peek == Byte.closeBracket else { throw fault(.invalidLiteral) }
        position += 1
        let text = text(from: start)
        guard AddressLiteral(bracketed: text) != nil else { throw AddressError(.invalidLiteral, at: start) }
        return text
    }

    /// `Domain`: labels of letters, digits, hyphens and UTF-8. Underscores are let through: names with them exist in DNS and receive mail.
    mutating func domain() throws(AddressError) -> String {
        let start = position
        var label = position
        var labelIsASCII = true
        var isASCII = true
        while true {
            if let byte = peek, Byte.isAlphanumeric(byte) || byte == Byte.underscore || (byte == Byte.hyphen && position > label) {
                position += 1
            } else if let byte = peek, byte >= 0x80 {
                try skipScalar()
                labelIsASCII = false
                isASCII = false
            } else {
                guard position > label else { throw fault(.invalidDomain) }
                guard bytes[position - 1] != Byte.hyphen else { throw AddressError(.invalidDomain, at: position - 1) }
                guard peek == Byte.dot else { break }
                position += 1
                label = position
                labelIsASCII = true
                continue
            }
            if position - start > Self.domainLimit || (labelIsASCII && position - label > Self.labelLimit) {
                throw AddressError(.domainTooLong, at: start)
            }
        }
        let domain = text(from: start)
        if !isASCII && DomainName.asciiForm(domain) == nil { throw AddressError(.invalidInternationalDomain, at: start) }
        return domain
    }

    private func text(from start: Int) -> String {
        String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func skipScalar() throws(AddressError) {
        guard let length = scalarLength(at: position), length > 0 else { throw fault(.invalidUTF8) }
        position += length
    }

    /// Bytes of the well-formed multi-byte UTF-8 sequence at `index` (Unicode table 3-7); 0 for a C1 control; nil if malformed or cut.
    private func scalarLength(at index: Int) -> Int? {
        func continues(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            index + offset < bytes.count && range ~= bytes[index + offset]
        }
        switch bytes[index] {
        case 0xC2...0xDF:
            guard continues(1) else { return nil }
            return bytes[index] == 0xC2 && bytes[index + 1] < 0xA0 ? 0 : 2
        case 0xE0: return continues(1, 0xA0...0xBF) && continues(2) ? 3 : nil
        case 0xED: return continues(1, 0x80...0x9F) && continues(2) ? 3 : nil
        case 0xE1...0xEF: return continues(1) && continues(2) ? 3 : nil
        case 0xF0: return continues(1, 0x90...0xBF) && continues(2) && continues(3) ? 4 : nil
        case 0xF1...0xF3: return continues(1) && continues(2) && continues(3) ? 4 : nil
        case 0xF4: return continues(1, 0x80...0x8F) && continues(2) && continues(3) ? 4 : nil
        default: return nil
        }
    }
}

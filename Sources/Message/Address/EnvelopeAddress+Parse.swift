extension EnvelopeAddress {
    /// Most octets of a mailbox: a path is at most 256 octets with its angle brackets (RFC 5321 section 4.5.3.1.3).
    package static let maximumLength = 254

    /// Reads one `Mailbox`, or bare `postmaster`, that fills `bytes` exactly. No comments, no display name, no surrounding space.
    package static func parse(mailbox bytes: UnsafeRawBufferPointer) throws(AddressError) -> EnvelopeAddress {
        var scanner = MailboxScanner(bytes)
        guard !scanner.isAtEnd else { throw AddressError(.empty, at: 0) }
        let address = try scanner.mailbox(allowPostmaster: true)
        guard scanner.isAtEnd else { throw scanner.fault(.trailingCharacters) }
        return address
    }

    /// Reads one `Mailbox` from text. With `allowNull`, empty text is the null path, so that what `text` wrote can be read back.
    package static func parse(_ text: String, allowNull: Bool = false) throws(AddressError) -> EnvelopeAddress {
        if allowNull && text.isEmpty { return .null }
        var text = text
        let result = text.withUTF8 { utf8 in
            Result { () throws(AddressError) in try parse(mailbox: UnsafeRawBufferPointer(utf8)) }
        }
        return try result.get()
    }

    /// An address from an unquoted local part and a domain of unknown origin, checked by the same grammar as `parse`.
    package static func validated(localPart: String, domain: String) throws(AddressError) -> EnvelopeAddress {
        let address = EnvelopeAddress(localPart: localPart, domain: domain)
        // `text` masks controls, hence the check on the parts themselves.
        for part in [localPart, domain] {
            if let offset = part.firstControlOffset { throw AddressError(.controlCharacter, at: offset) }
        }
        if domain.isEmpty && !address.isNull { throw AddressError(.missingDomain, at: localPart.utf8.count) }
        return try parse(address.text, allowNull: true)
    }
}

extension String {
    /// Offset of the first C0 control, DEL or C1 control in UTF-8; nil if there is none.
    var firstControlOffset: Int? {
        var offset = 0
        var previous: UInt8 = 0
        for byte in utf8 {
            if Byte.isControl(byte) { return offset }
            if previous == 0xC2 && byte < 0xA0 && byte >= 0x80 { return offset - 1 }
            previous = byte
            offset += 1
        }
        return nil
    }
}

/// Reads `Reverse-path` and `Forward-path` of RFC 5321 section 4.1.2. *Value* (a namespace of pure functions).
package enum PathParser {
    /// Most octets of a path with its angle brackets and route (RFC 5321 section 4.5.3.1.3).
    package static let maximumLength = 256

    /// Reads a path at the start of `bytes` and says how many bytes it took, up to and including `>`. What follows belongs to the caller.
    ///
    /// A source route is checked and dropped (RFC 5321 section 3.6.1). With `allowNull` (MAIL) `<>` is the null path; without (RCPT) it is refused,
    /// and bare `<postmaster>` is a recipient, which the grammar grants to RCPT only.
    package static func parse(_ bytes: UnsafeRawBufferPointer, allowNull: Bool) throws(AddressError) -> (
        address: EnvelopeAddress, consumed: Int
    ) {
        guard bytes.count > 0 else { throw AddressError(.empty, at: 0) }
        var scanner = MailboxScanner(bytes)
        guard scanner.peek == Byte.less else { throw scanner.fault(.missingAngleBracket) }
        scanner.position += 1
        if scanner.peek == Byte.greater {
            guard allowNull else { throw AddressError(.nullNotAllowed, at: 0) }
            return (.null, 2)
        }
        if scanner.peek == Byte.at { try skipRoute(&scanner) }
        guard !scanner.isAtEnd else { throw AddressError(.unterminated, at: scanner.position) }
        let address = try scanner.mailbox(allowPostmaster: !allowNull)
        guard scanner.peek == Byte.greater else { throw scanner.fault(address.domain.isEmpty ? .missingDomain : .invalidDomain) }
        scanner.position += 1
        guard scanner.position <= maximumLength else { throw AddressError(.tooLong, at: 0) }
        return (address, scanner.position)
    }

    /// `A-d-l ":"`, that is `@a,@b:`.
    private static func skipRoute(_ scanner: inout MailboxScanner) throws(AddressError) {
        while true {
            guard scanner.peek == Byte.at else { throw scanner.fault(.invalidRoute) }
            scanner.position += 1
            _ = try scanner.domain()
            guard scanner.position <= maximumLength else { throw AddressError(.tooLong, at: 0) }
            switch scanner.peek {
            case Byte.comma: scanner.position += 1
            case Byte.colon:
                scanner.position += 1
                return
            default: throw scanner.fault(.invalidRoute)
            }
        }
    }
}

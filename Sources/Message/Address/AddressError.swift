/// Why bytes are not an address. *Value*. Says where, never quotes the input: it may be shown to a peer or logged.
///
/// *Diagnostics*: a server answers `501 5.1.7` (reverse path) or `501 5.1.3` (forward path) with `message`; nothing is retried, nothing traps.
package struct AddressError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The rule that was broken.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Nothing to read where an address was expected.
        case empty
        /// A path does not begin with `<`.
        case missingAngleBracket
        /// The input ends inside a path, a quoted string or a literal.
        case unterminated
        /// `<>` where a recipient is required.
        case nullNotAllowed
        /// A control character (NUL, CR, LF, TAB, DEL, C1) anywhere.
        case controlCharacter
        /// Bytes above 0x7F that are not UTF-8.
        case invalidUTF8
        /// The part before `@` breaks RFC 5321 `Local-part`.
        case invalidLocalPart
        /// There is no `@` and domain.
        case missingDomain
        /// The domain breaks RFC 5321 `Domain`.
        case invalidDomain
        /// A domain label that IDNA does not allow, or that is too long as an A-label.
        case invalidInternationalDomain
        /// `[…]` that is neither IPv4 nor `IPv6:`.
        case invalidLiteral
        /// A source route that does not parse.
        case invalidRoute
        /// More than 64 octets before `@`.
        case localPartTooLong
        /// More than 255 octets after `@`, or a label of more than 63.
        case domainTooLong
        /// More than 254 octets in all, or 256 with angle brackets.
        case tooLong
        /// Something follows the address.
        case trailingCharacters
    }

    /// The rule that was broken.
    package let code: Code
    /// Byte offset in the input at which it was noticed.
    package let offset: Int

    /// An error at an offset.
    package init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }

    /// What is wrong, in a few words of ASCII.
    package var message: String {
        switch code {
        case .empty: "address is empty"
        case .missingAngleBracket: "path must begin with <"
        case .unterminated: "address ends too early"
        case .nullNotAllowed: "the null path is not allowed here"
        case .controlCharacter: "control character in address"
        case .invalidUTF8: "address is not valid UTF-8"
        case .invalidLocalPart: "invalid local part"
        case .missingDomain: "domain is missing"
        case .invalidDomain: "invalid domain"
        case .invalidInternationalDomain: "invalid internationalised domain"
        case .invalidLiteral: "invalid address literal"
        case .invalidRoute: "invalid source route"
        case .localPartTooLong: "local part is longer than 64 octets"
        case .domainTooLong: "domain is too long"
        case .tooLong: "address is longer than 254 octets"
        case .trailingCharacters: "unexpected characters after the address"
        }
    }

    /// What the writer of the address can do.
    package var remedy: String {
        switch code {
        case .empty, .missingDomain: "write local-part@domain"
        case .missingAngleBracket, .unterminated: "write <local-part@domain>"
        case .nullNotAllowed: "name a recipient"
        case .controlCharacter: "remove control characters"
        case .invalidUTF8: "encode the address in UTF-8"
        case .invalidLocalPart: "put a local part with special characters in double quotes"
        case .invalidDomain, .invalidRoute: "use labels of letters, digits and hyphens separated by single dots"
        case .invalidInternationalDomain: "use the A-label (xn--) form registered for the domain"
        case .invalidLiteral: "write [192.0.2.1] or [IPv6:2001:db8::1]"
        case .localPartTooLong, .domainTooLong, .tooLong: "shorten the address"
        case .trailingCharacters: "give exactly one address"
        }
    }

    package var description: String { "\(message) (at byte \(offset)); \(remedy)" }
}

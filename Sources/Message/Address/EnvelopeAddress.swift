/// A reverse or forward path of the envelope: local part and domain (RFC 5321 section 4.1.2, RFC 6531 section 3.3). *Value*.
///
/// The local part is kept unquoted, the domain as it was given; `text` and `normalizedDomain` derive the forms for the wire and for routing.
package struct EnvelopeAddress: Sendable, Hashable {
    /// Unquoted, case preserved. Empty for the null path, and for the legal but odd `""@domain`.
    package let localPart: String
    /// As given; `[1.2.3.4]` for a literal; empty for the null path and for bare `<postmaster>`.
    package let domain: String

    /// An address from parts the caller knows to be valid. Parts from outside go through `parse` or `validated`.
    package init(localPart: String, domain: String) {
        self.localPart = localPart
        self.domain = domain
    }

    /// The null reverse path `<>`.
    package static let null = EnvelopeAddress(localPart: "", domain: "")

    /// Whether this is `<>`.
    package var isNull: Bool { localPart.isEmpty && domain.isEmpty }

    /// The domain as queues, sites and comparisons want it: lower case, U-labels as A-labels, literals in canonical form
    /// (`[192.0.2.1]`, `[IPv6:2001:db8::1]`). A domain that never passed `parse` and is not valid is only lower-cased.
    package var normalizedDomain: String {
        if domain.utf8.first == Byte.openBracket, let literal = AddressLiteral(bracketed: domain) { return literal.bracketed }
        return DomainName.asciiForm(domain) ?? domain.asciiLowered
    }

    /// Whether the address as written in `text` may only be sent to a peer that offers SMTPUTF8. When only the domain is
    /// internationalised, `asciiText` is the way around.
    package var needsSMTPUTF8: Bool { !(localPart.isASCII && domain.isASCII) }

    /// `text` with the domain as A-labels; nil when the local part is not ASCII, or the domain has no ASCII form.
    package var asciiText: String? {
        guard localPart.isASCII else { return nil }
        if domain.isASCII { return text }
        guard let ascii = DomainName.asciiForm(domain) else { return nil }
        return EnvelopeAddress(localPart: localPart, domain: ascii).text
    }
}

extension EnvelopeAddress: CustomStringConvertible {
    package var description: String { text }
}

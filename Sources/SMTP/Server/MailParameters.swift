/// The parameters of MAIL FROM that the server understands. *Value.*
package struct MailParameters: Sendable, Equatable {
    /// The content a client declares with `BODY=`. RFC 6152.
    package enum Body: Sendable, Equatable {
        case sevenBit
        case eightBitMIME
    }

    /// `SIZE=`: the size the client announces, in octets. RFC 1870. A promise, not a fact.
    package var size: Int?
    /// `BODY=`.
    package var body: Body?
    /// `SMTPUTF8`. RFC 6531.
    package var smtpUTF8 = false
    /// `AUTH=` as given, xtext not decoded. RFC 4954, 5: to be believed of trusted clients only.
    package var auth: String?

    /// No parameters.
    package init() {}
}

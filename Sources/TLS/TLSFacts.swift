/// What is known of an encrypted session. *Value.*
package struct TLSFacts: Sendable, Hashable {
    /// `TLSv1.3` or `TLSv1.2`.
    package let version: String
    /// The cipher suite, as OpenSSL and the IANA call it: `TLS_AES_256_GCM_SHA384`.
    package let cipher: String
    /// The parts of the peer's subject, most general first, such as `["O=Example", "CN=mx.example.com"]`; empty without a certificate.
    package let peerSubject: [String]
    /// Whether the peer's certificate was verified, or why it was not.
    package let verification: Verification
    /// Whether it goes on from an earlier session, without a full handshake.
    package let isResumed: Bool
    /// The name the client asked for (RFC 6066, 3); nil when it named none.
    package let serverName: String?

    /// What became of the peer's certificate. *Value.*
    package enum Verification: Sendable, Hashable {
        /// An authority we trust vouches for it, and it is for the name we called.
        case verified
        /// It is not good; in OpenSSL's words.
        case failed(String)
        /// The peer showed none, and was not asked for one.
        case absent
    }
}

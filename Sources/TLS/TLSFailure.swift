/// Why a session could not be encrypted, or broke. *Value.*
package struct TLSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was.
    package enum Kind: Sendable, Hashable {
        /// The two sides found no common ground, or one spoke something else than TLS.
        case handshake
        /// The certificate of the peer is not good.
        case verification
        /// The handshake took too long.
        case timedOut
        /// The peer hung up within the handshake.
        case disconnected
        /// A record could not be read: it was forged or broken.
        case broken
    }

    /// What kind of failure it was.
    package let kind: Kind
    /// For logs, in OpenSSL's words where it has some.
    package let text: String

    /// A failure from its parts.
    package init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    /// The text.
    package var description: String { text }
}

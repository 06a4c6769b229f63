/// What the client waits for, or waited for when something happened.
///
/// *Value.* Also the key of the deadlines, see `ClientTimeouts`.
package enum ClientCommand: UInt8, Sendable, Hashable, CaseIterable {
    /// The server's greeting.
    case banner
    case ehlo
    case helo
    case lhlo
    /// STARTTLS, and the handshake behind its reply (RFC 3207).
    case startTLS
    case rset
    case mail
    case rcpt
    case data
    /// `BDAT n LAST` and its content (RFC 3030).
    case bdat
    /// The content after 354 while it is being written.
    case content
    /// The reply to the final dot.
    case dot
    case quit

    /// For logs and for the text of replies made here.
    package var text: String {
        switch self {
        case .banner: "the greeting"
        case .ehlo: "EHLO"
        case .helo: "HELO"
        case .lhlo: "LHLO"
        case .startTLS: "STARTTLS"
        case .rset: "RSET"
        case .mail: "MAIL FROM"
        case .rcpt: "RCPT TO"
        case .data: "DATA"
        case .bdat: "BDAT"
        case .content: "the message content"
        case .dot: "the final dot"
        case .quit: "QUIT"
        }
    }
}

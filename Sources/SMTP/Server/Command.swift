package import Message

/// One SMTP command as parsed. *Value.* RFC 5321, 4.1.1; BDAT RFC 3030.
package enum Command: Sendable, Equatable {
    case helo(String)
    case ehlo(String)
    case mail(EnvelopeAddress, MailParameters)
    case recipient(EnvelopeAddress)
    case data
    case bdat(octets: Int, isLast: Bool)
    case rset
    case noop
    case quit
    case help
    case verify
    case expand
    case startTLS
    case auth
    case xclient

    /// The verb, for logs.
    package var verb: String {
        switch self {
        case .helo: "HELO"
        case .ehlo: "EHLO"
        case .mail: "MAIL"
        case .recipient: "RCPT"
        case .data: "DATA"
        case .bdat: "BDAT"
        case .rset: "RSET"
        case .noop: "NOOP"
        case .quit: "QUIT"
        case .help: "HELP"
        case .verify: "VRFY"
        case .expand: "EXPN"
        case .startTLS: "STARTTLS"
        case .auth: "AUTH"
        case .xclient: "XCLIENT"
        }
    }
}

/// What one command line turned out to be. *Value.*
enum CommandLine {
    case command(Command)
    /// The line cannot be acted upon; `isFatal` when the bytes behind it cannot be told apart from commands.
    case fault(FixedReply, isFatal: Bool)
}

/// How one connection talks: names, switches and deadlines of an egress path.
///
/// *Value.*
package struct ClientConfiguration: Sendable {
    /// The argument of EHLO: a domain name or an address literal.
    package var ehloDomain: String
    /// How long each step may take.
    package var timeouts: ClientTimeouts
    /// Use PIPELINING when the server offers it.
    package var enablePipelining: Bool
    /// Use BDAT when the server offers CHUNKING.
    package var enableChunking: Bool
    /// Send RSET between transactions. One that broke off is always followed by RSET, whatever this says.
    package var enableRSET: Bool
    /// Send 8-bit content and UTF-8 addresses even to a server that does not offer to take them.
    package var ignore8BitChecks: Bool
    /// Speak LMTP (RFC 2033).
    package var useLMTP: Bool
    /// Whether the session is to be encrypted.
    package var startTLS = StartTLS.never

    /// When STARTTLS is sent. *Value.*
    package enum StartTLS: Sendable, Hashable {
        /// Not at all.
        case never
        /// When the server offers it. One that then refuses goes on in clear.
        case whenOffered
        /// Always; without it the session ends before any mail is told of.
        case always
    }

    /// A configuration with the defaults of RFC 5321 4.5.3.2 where nothing is given.
    package init(
        ehloDomain: String, timeouts: ClientTimeouts = ClientTimeouts(), enablePipelining: Bool = true,
        enableChunking: Bool = true, enableRSET: Bool = true, ignore8BitChecks: Bool = false, useLMTP: Bool = false
    ) {
        self.ehloDomain = ehloDomain
        self.timeouts = timeouts
        self.enablePipelining = enablePipelining
        self.enableChunking = enableChunking
        self.enableRSET = enableRSET
        self.ignore8BitChecks = ignore8BitChecks
        self.useLMTP = useLMTP
    }
}

/// How long the client waits at each step. Defaults are those of an egress path.
///
/// *Value.*
package struct ClientTimeouts: Sendable, Hashable {
    /// For the greeting.
    package var banner: Duration = .seconds(60)
    /// For the answer to EHLO, HELO or LHLO.
    package var ehlo: Duration = .seconds(300)
    /// For the answer to STARTTLS, and again for the handshake.
    package var startTLS: Duration = .seconds(5)
    /// For the answer to RSET.
    package var rset: Duration = .seconds(5)
    /// For the answer to MAIL.
    package var mail: Duration = .seconds(300)
    /// For the answer to RCPT.
    package var rcpt: Duration = .seconds(300)
    /// DATA until 354; also how long the connection may stand still while content is written.
    package var data: Duration = .seconds(300)
    /// The final dot, or the last octet of BDAT, until its reply.
    package var dataDot: Duration = .seconds(300)
    /// QUIT until the connection is gone. Never more than 5 s are waited.
    package var quit: Duration = .seconds(5)
    /// The reply to QUIT until the server closes the connection.
    package var farewell: Duration = .seconds(1)

    /// The defaults.
    package init() {}

    /// The deadline of a step.
    package subscript(_ command: ClientCommand) -> Duration {
        switch command {
        case .banner: banner
        case .ehlo, .helo, .lhlo: ehlo
        case .startTLS: startTLS
        case .rset: rset
        case .mail: mail
        case .rcpt: rcpt
        case .data, .content: data
        case .bdat, .dot: dataDot
        case .quit: min(quit, .seconds(5))
        }
    }
}

import DNS
import NIOCore
import Options
import Resources
import SMTP
import Shaping
import TLS

/// *Value*: how a connection is made: where to, from where, and under which configuration of its path.
struct ConnectionSetup {
    let loop: any EventLoop
    /// The path, for log records.
    let pathName: String
    let route: MailRoute
    let source: EgressSource
    let config: Held<EgressPathConfig>
    /// The name of this node.
    let hostname: String
    /// Where this node takes mail itself.
    let own: OwnAddresses
    /// Whom to trust with mail; nil when nothing can be encrypted.
    var trust: ClientContext?
    /// The turns of this loop's handshakes.
    var handshakes: HandshakeTurns?

    /// When STARTTLS is sent.
    /// - Parameter isBroken: TLS with this server is known to fail.
    func startTLS(isBroken: Bool) -> ClientConfiguration.StartTLS {
        switch config.table.enableTls {
        case .disabled: .never
        case .required, .requiredInsecure: .always
        case .opportunistic, .opportunisticInsecure: isBroken || trust == nil ? .never : .whenOffered
        }
    }

    /// Whether a server whose handshake fails gets its mail in clear.
    var fallsBackToClear: Bool {
        switch config.table.enableTls {
        case .opportunisticInsecure: true
        case .opportunistic: config.table.opportunisticTLSReconnect
        case .required, .requiredInsecure, .disabled: false
        }
    }

    /// How a connection to a host starts TLS.
    func tlsCall(to host: String) -> TLSCall? {
        guard let trust, let handshakes else { return nil }
        let mode = config.table.enableTls
        return TLSCall(
            trust, ServerDemand(host: host, needsVerification: mode == .opportunistic || mode == .required), turns: handshakes,
            deadline: .nanoseconds(config.table.startTLSTimeout.wholeNanoseconds))
    }

    /// How sessions are held.
    func clientConfiguration(_ startTLS: ClientConfiguration.StartTLS) -> ClientConfiguration {
        let config = config.table
        var timeouts = ClientTimeouts()
        timeouts.banner = config.bannerTimeout
        timeouts.ehlo = config.ehloTimeout
        timeouts.startTLS = config.startTLSTimeout
        timeouts.rset = config.rsetTimeout
        timeouts.mail = config.mailFromTimeout
        timeouts.rcpt = config.rcptToTimeout
        timeouts.data = config.dataTimeout
        timeouts.dataDot = config.dataDotTimeout
        var configuration = ClientConfiguration(
            ehloDomain: config.ehloDomain ?? source.config.ehloDomain ?? hostname, timeouts: timeouts,
            enablePipelining: config.enablePipelining, enableRSET: config.enableRset,
            ignore8BitChecks: config.ignore8bitChecks, useLMTP: config.useLmtp)
        configuration.startTLS = startTLS
        return configuration
    }
}

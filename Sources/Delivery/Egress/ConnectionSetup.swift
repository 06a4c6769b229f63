import DNS
import NIOCore
import Options
import Resources
import SMTP
import Shaping

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

    /// How sessions are held.
    var clientConfiguration: ClientConfiguration {
        let config = config.table
        var timeouts = ClientTimeouts()
        timeouts.banner = config.bannerTimeout
        timeouts.ehlo = config.ehloTimeout
        timeouts.rset = config.rsetTimeout
        timeouts.mail = config.mailFromTimeout
        timeouts.rcpt = config.rcptToTimeout
        timeouts.data = config.dataTimeout
        timeouts.dataDot = config.dataDotTimeout
        return ClientConfiguration(
            ehloDomain: config.ehloDomain ?? source.config.ehloDomain ?? hostname, timeouts: timeouts,
            enablePipelining: config.enablePipelining, enableRSET: config.enableRset,
            ignore8BitChecks: config.ignore8bitChecks, useLMTP: config.useLmtp)
    }
}

import DNS
import Platform
import Shaping

extension QueueConfig {
    /// The route of a static `mx_list`; `nil` when the domain's own MX decides.
    var mxRoute: MailRoute? {
        let entries = self.protocol.smtp.mxList
        return entries.isEmpty ? nil : .list(entries.map { ($0.name, $0.port, $0.address.flatMap { HostAddress($0) }) })
    }
}

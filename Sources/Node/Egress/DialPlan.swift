import DNS
import SMTP
import Shaping

/// *State machine*: which address to try next for one connection: hosts by preference, shuffled inside a preference (RFC 5321 5.1),
/// each resolved only when its turn comes.
struct DialPlan {
    /// *Value*: one address to connect to.
    struct Candidate: Equatable {
        var host: String
        var address: HostAddress
        var port: Int
    }

    /// *Value*: what to do next.
    enum Step {
        case resolve(MailRoute.Host)
        case dial(Candidate)
        case exhausted(DialFailure)
    }

    private var hosts: [MailRoute.Host]
    private var candidates: [Candidate] = []
    private var current: Candidate?
    private var failures: [String] = []
    private var prohibited = 0
    private var skipped = 0
    private let literal: HostAddress?
    private let port: (MailRoute.Host) -> Int
    private let prohibitedHosts: CIDRSet
    private let skipHosts: CIDRSet

    init(route: MailRoute, source: EgressSourceConfig, config: EgressPathConfig) {
        var random = SystemRandomNumberGenerator()
        self.init(route: route, source: source, config: config, random: &random)
    }

    init(route: MailRoute, source: EgressSourceConfig, config: EgressPathConfig, random: inout some RandomNumberGenerator) {
        var ordered: [MailRoute.Host] = []
        var group: [MailRoute.Host] = []
        for host in route.hosts {
            if let first = group.first, first.preference != host.preference {
                ordered += group.shuffled(using: &random)
                group = []
            }
            group.append(host)
        }
        ordered += group.shuffled(using: &random)
        hosts = ordered.reversed()
        if case .literal(let address) = route.kind { literal = address } else { literal = nil }
        let smtpPort = config.smtpPort
        let remotePort = source.remotePort
        port = { remotePort ?? $0.port ?? smtpPort }
        prohibitedHosts = CIDRSet(validated: config.prohibitedHosts)
        skipHosts = CIDRSet(validated: config.skipHosts)
    }

    /// Whether another host or address is left to try.
    var hasMore: Bool { !candidates.isEmpty || !hosts.isEmpty }

    /// The last candidate comes again.
    mutating func repeatCurrent() {
        if let current { candidates.append(current) }
    }

    /// The next step; after `.resolve` comes `resolved`, after `.dial` maybe `failed`.
    mutating func next() -> Step {
        while true {
            if let candidate = candidates.popLast() {
                current = candidate
                return .dial(candidate)
            }
            guard let host = hosts.popLast() else { return .exhausted(failure) }
            if let address = host.address ?? literal ?? HostAddress(host.name) {
                add([address], of: host)
                continue
            }
            return .resolve(host)
        }
    }

    /// The addresses of a host are known, or why they are not.
    mutating func resolved(_ host: MailRoute.Host, _ result: Result<[HostAddress], RouteFailure>) {
        switch result {
        case .success(let addresses): add(addresses, of: host)
        case .failure(let failure): failures.append("\(host.name): \(failure.text)")
        }
    }

    /// The last candidate could not be used.
    mutating func failed(_ text: String) {
        guard let current else { return }
        if failures.count < 8 { failures.append("\(current.host)[\(current.address.text)]:\(current.port): \(text)") }
    }

    private mutating func add(_ addresses: [HostAddress], of host: MailRoute.Host) {
        for address in addresses.reversed() {
            if prohibitedHosts.contains(address) {
                prohibited += 1
            } else if skipHosts.contains(address) {
                skipped += 1
            } else {
                candidates.append(Candidate(host: host.name, address: address, port: port(host)))
            }
        }
    }

    private var failure: DialFailure {
        if failures.isEmpty, prohibited > 0 {
            return DialFailure(
                fate: .bounced, isForAll: true,
                reply: .local(550, (5, 4, 4), "MX consists solely of hosts on the prohibited_hosts list"))
        }
        if failures.isEmpty, skipped > 0 {
            return DialFailure(
                fate: .transient, isForAll: true,
                reply: .local(451, (4, 4, 4), "MX consists solely of hosts on the skip_hosts list"))
        }
        let detail = failures.isEmpty ? "the route has no host" : failures.joined(separator: "; ")
        return DialFailure(
            fate: .transient, isForAll: false,
            reply: .local(400, (4, 4, 1), "failed to connect to any candidate hosts: \(detail)"))
    }
}

/// *Value*: why no host of a route could be used, and what that means for the messages.
struct DialFailure: Sendable {
    let fate: AttemptOutcome.Fate
    /// The reason holds for every message of the ready queue, not only for the one that was to be sent.
    let isForAll: Bool
    let reply: Reply
}

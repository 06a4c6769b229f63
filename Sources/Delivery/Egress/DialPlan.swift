import DNS
import Platform
import Resources
import SMTP
import Shaping

/// *State machine*: which address to try next for one connection: hosts by preference, shuffled inside a preference (RFC 5321 5.1),
/// each resolved only when its turn comes.
///
/// When this node is one of the hosts, it and those of the same or a higher preference number are left out (RFC 5321 5.1), or mail would
/// go in circles. Hosts of equal preference that might be the node are therefore all looked up before the first of them is tried.
struct DialPlan {
    /// *Value*: one address to connect to.
    struct Candidate: Equatable {
        var host: String
        var address: HostAddress
        var port: Int

        /// For people.
        var place: String { "\(host)[\(address.text)]:\(port)" }
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
    private var history = DialHistory()
    /// Addresses of the preference being looked up, in order.
    private var gathered: [Candidate] = []
    private var isGathering = false
    /// Where mail would have come back to this node.
    private var ownPlace: String?
    private let own: OwnAddresses?
    private let isList: Bool
    private var prohibited = 0
    private var skipped = 0
    private let literal: HostAddress?
    private let port: (MailRoute.Host) -> Int
    private let prohibitedHosts: NetworkList
    private let skipHosts: NetworkList

    init(route: MailRoute, source: EgressSourceConfig, config: EgressPathConfig, own: OwnAddresses? = nil) {
        self.init(route: route, source: source, config: config, own: own) { $0.shuffled() }
    }

    init(
        route: MailRoute, source: EgressSourceConfig, config: EgressPathConfig, own: OwnAddresses? = nil,
        random: inout some RandomNumberGenerator
    ) {
        self.init(route: route, source: source, config: config, own: own) { $0.shuffled(using: &random) }
    }

    private init(
        route: MailRoute, source: EgressSourceConfig, config: EgressPathConfig, own: OwnAddresses?,
        shuffle: ([MailRoute.Host]) -> [MailRoute.Host]
    ) {
        self.own = config.allowDeliveryToSelf ? nil : own
        isList = route.kind == .list
        var ordered: [MailRoute.Host] = []
        var group: [MailRoute.Host] = []
        for host in route.hosts {
            if let first = group.first, first.preference != host.preference {
                ordered += shuffle(group)
                group = []
            }
            group.append(host)
        }
        ordered += shuffle(group)
        hosts = ordered.reversed()
        if case .literal(let address) = route.kind { literal = address } else { literal = nil }
        let smtpPort = config.smtpPort
        let remotePort = source.remotePort
        port = { remotePort ?? $0.port ?? smtpPort }
        prohibitedHosts = config.prohibitedHosts
        skipHosts = config.skipHosts
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
            if !isGathering, let candidate = candidates.popLast() {
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
    /// - Parameter end: until when that failure is remembered, if the DNS was not asked for it.
    mutating func resolved(
        _ host: MailRoute.Host, _ result: Result<[HostAddress], RouteFailure>, rememberedUntil end: MonotonicInstant? = nil
    ) {
        switch result {
        case .success(let addresses): add(addresses, of: host)
        case .failure(let failure):
            history.add(DialHistory.Trial(place: host.name, text: failure.text, rememberedUntil: end))
            endGroup(with: host)
        }
    }

    /// The last candidate could not be connected to.
    mutating func failed(_ text: String) { failed(text, reply: nil, command: nil, isConnected: false) }

    /// The last candidate let us in and opened no session.
    /// - Parameter reply: what it said, if that was a refusal.
    mutating func refused(_ text: String, reply: Reply?, command: String?) {
        failed(text, reply: reply, command: command, isConnected: true)
    }

    private mutating func failed(_ text: String, reply: Reply?, command: String?, isConnected: Bool) {
        guard let current else { return }
        history.add(
            DialHistory.Trial(
                place: current.place, candidate: current, text: text, reply: reply, command: command, isConnected: isConnected))
    }

    private mutating func add(_ addresses: [HostAddress], of host: MailRoute.Host) {
        for address in addresses {
            let candidate = Candidate(host: host.name, address: address, port: port(host))
            if own?.contains(address, port: candidate.port) == true {
                ownPlace = candidate.place
                // A list is the policy's own: its other entries were meant as well.
                if isList { continue }
                hosts = []
                gathered = []
                break
            }
            if prohibitedHosts.contains(address) {
                prohibited += 1
            } else if skipHosts.contains(address) {
                skipped += 1
            } else {
                gathered.append(candidate)
            }
        }
        endGroup(with: host)
    }

    /// What was gathered may be dialled, unless another host of the same preference may turn out to be this node.
    private mutating func endGroup(with host: MailRoute.Host) {
        isGathering = !isList && hosts.last.map { $0.preference == host.preference && own?.listens(on: port($0)) == true } ?? false
        guard !isGathering else { return }
        candidates = gathered.reversed()
        gathered = []
    }

    private var failure: DialFailure {
        if history.isEmpty, let ownPlace {
            return DialFailure(
                fate: .bounced, isForAll: true,
                reply: .local(
                    554, (5, 4, 6),
                    "mail loops back to myself: \(ownPlace) is an SMTP listener of this node; allow_delivery_to_self of the egress path "
                        + "permits it"))
        }
        if history.isEmpty, prohibited > 0 {
            return DialFailure(
                fate: .bounced, isForAll: true,
                reply: .local(550, (5, 4, 4), "MX consists solely of hosts on the prohibited_hosts list"))
        }
        if history.isEmpty, skipped > 0 {
            return DialFailure(
                fate: .transient, isForAll: true,
                reply: .local(451, (4, 4, 4), "MX consists solely of hosts on the skip_hosts list"))
        }
        return history.failure
    }
}

/// *Value*: why no host of a route could be used, and what that means for the messages.
struct DialFailure: Sendable {
    let fate: AttemptOutcome.Fate
    /// The reason holds for every message of the ready queue, not only for the one that was to be sent.
    let isForAll: Bool
    let reply: Reply
    /// What the reply answers, when a server gave it.
    var command: String?
    /// Whose reply it is, or who came nearest.
    var candidate: DialPlan.Candidate?
    /// Some host let us in.
    var isConnected = false
    /// Nothing was attempted: all of it is remembered from earlier questions to the DNS. The first of those answers ends then.
    var rememberedUntil: MonotonicInstant?

    init(fate: AttemptOutcome.Fate, isForAll: Bool, reply: Reply) {
        self.fate = fate
        self.isForAll = isForAll
        self.reply = reply
    }
}

package import Platform
internal import Synchronization

/// What is known about one address family of a host. *Value.*
enum FamilyAnswer: Sendable, Hashable {
    case addresses([HostAddress])
    case none
    case failed(String)
}

/// What is known, and for how long. *Value.*
struct FamilyRecord: Sendable, Hashable {
    var answer: FamilyAnswer
    var expires: MonotonicInstant
    /// The DNS was not asked.
    var isRemembered: Bool
}

extension MailRouter {
    /// Most addresses of one host and family that are used.
    private static let maximumAddresses = 64

    /// The addresses of `host`, which may itself be an address. Never an empty list.
    package func addresses(of host: String, strategy: IPLookupStrategy) async -> Result<[HostAddress], RouteFailure> {
        await addressAnswer(of: host, strategy: strategy).result
    }

    /// The same with how long a failure holds and whether the DNS was asked.
    package func addressAnswer(of host: String, strategy: IPLookupStrategy) async -> AddressAnswer {
        await withCheckedContinuation { continuation in
            addressAnswer(of: host, strategy: strategy) { continuation.resume(returning: $0) }
        }
    }

    /// The addresses of `host`; `reply` is called exactly once. IPv4 comes first unless the strategy says otherwise.
    package func addressAnswer(of host: String, strategy: IPLookupStrategy, reply: @escaping @Sendable (AddressAnswer) -> Void) {
        if let address = HostAddress(host) { return reply(AddressAnswer(.success([address]), expires: .distantFuture)) }
        guard let name = DomainName.normalize(host) else {
            return reply(AddressAnswer(.failure(.invalidDomain("\(host) is not a host name")), expires: .distantFuture))
        }
        switch strategy {
        case .ipv4Only: family(name, isV4: true) { reply(Self.combine(name, [$0])) }
        case .ipv6Only: family(name, isV4: false) { reply(Self.combine(name, [$0])) }
        case .ipv4ThenIPv6: inTurn(name, v4First: true, reply: reply)
        case .ipv6ThenIPv4: inTurn(name, v4First: false, reply: reply)
        case .ipv4AndIPv6:
            let both = SharedPair<FamilyRecord>()
            family(name, isV4: true) { record in
                if let (first, second) = both.set(first: record) { reply(Self.combine(name, [first, second])) }
            }
            family(name, isV4: false) { record in
                if let (first, second) = both.set(second: record) { reply(Self.combine(name, [first, second])) }
            }
        }
    }

    private func inTurn(_ name: String, v4First: Bool, reply: @escaping @Sendable (AddressAnswer) -> Void) {
        family(name, isV4: v4First) { [self] first in
            if case .addresses = first.answer { return reply(Self.combine(name, [first])) }
            family(name, isV4: !v4First) { second in reply(Self.combine(name, [first, second])) }
        }
    }

    /// One answer of those of the families: it ends with the first of them, and is remembered when all of them are.
    private static func combine(_ name: String, _ records: [FamilyRecord]) -> AddressAnswer {
        var addresses: [HostAddress] = []
        var failure: String?
        for record in records {
            switch record.answer {
            case .addresses(let some): addresses += some
            case .none: break
            case .failed(let text): failure = failure ?? text
            }
        }
        let result: Result<[HostAddress], RouteFailure>
        if !addresses.isEmpty {
            result = .success(addresses)
        } else if let failure {
            result = .failure(.temporary(failure))
        } else {
            result = .failure(.noSuchDomain("\(name) has no address"))
        }
        return AddressAnswer(
            result, expires: records.map(\.expires).min() ?? .distantFuture, isRemembered: records.allSatisfy(\.isRemembered))
    }

    private func notAskedHost(_ why: String) -> FamilyRecord {
        FamilyRecord(answer: .failed(why), expires: clock() + Self.ownTrouble, isRemembered: true)
    }

    private func family(_ name: String, isV4: Bool, reply: @escaping @Sendable (FamilyRecord) -> Void) {
        let key = HostKey(name: name, isV4: isV4)
        let now = clock()
        switch hosts.withLock({ $0.join(key, now: now, waiter: reply) }) {
        case .hit(var known):
            known.isRemembered = true
            reply(known)
        case .refused: reply(notAskedHost("too many DNS lookups wait"))
        case .joined: drainHosts()
        }
    }

    private func drainHosts() {
        guard hosts.withLock({ $0.beginDraining() }) else { return }
        while true {
            let now = clock()
            switch hosts.withLock({ $0.nextStart(now: now) }) {
            case .nothing: return
            case .expired(let key, let waiters):
                for waiter in waiters { waiter(notAskedHost("DNS lookup of \(key.name) waited too long")) }
            case .start(let key):
                resolver.lookup(key.name, key.isV4 ? .a : .aaaa, timeout: configuration.timeout) { [self] result in
                    let (answer, timeToLive) = read(result)
                    let record = FamilyRecord(
                        answer: answer, expires: clock() + (timeToLive ?? Self.ownTrouble), isRemembered: timeToLive == nil)
                    let waiters = hosts.withLock { $0.finish(key, record, expires: timeToLive == nil ? nil : record.expires) }
                    for waiter in waiters { waiter(record) }
                    drainHosts()
                }
            }
        }
    }

    private func read(_ result: Result<DNSAnswer, DNSError>) -> (FamilyAnswer, Duration?) {
        switch result {
        case .success(let answer):
            let addresses = Array(answer.addresses.prefix(Self.maximumAddresses))
            return addresses.isEmpty ? (.none, negativeLife([answer])) : (.addresses(addresses), timeToLive(answer))
        case .failure(let error):
            switch error.code {
            case .timedOut, .serverFailure, .bogus:
                return (.failed(error.message), failureLife)
            case .overloaded, .cancelled, .closed, .resourcesExhausted, .invalidConfiguration, .invalidName:
                return (.failed(error.message), nil)
            }
        }
    }
}

internal import Synchronization
internal import System

/// What is known about one address family of a host. *Value.*
enum FamilyAnswer: Sendable, Hashable {
    case addresses([HostAddress])
    case none
    case failed(String)
}

extension MailRouter {
    /// Most addresses of one host and family that are used.
    private static let maximumAddresses = 64

    /// The addresses of `host`, which may itself be an address. Never an empty list.
    package func addresses(of host: String, strategy: IPLookupStrategy) async -> Result<[HostAddress], RouteFailure> {
        await withCheckedContinuation { continuation in
            addresses(of: host, strategy: strategy) { continuation.resume(returning: $0) }
        }
    }

    /// The addresses of `host`; `reply` is called exactly once. IPv4 comes first unless the strategy says otherwise.
    package func addresses(
        of host: String, strategy: IPLookupStrategy, reply: @escaping @Sendable (Result<[HostAddress], RouteFailure>) -> Void
    ) {
        if let address = HostAddress(host) { return reply(.success([address])) }
        guard let name = DomainName.normalize(host) else {
            return reply(.failure(.invalidDomain("\(host) is not a host name")))
        }
        switch strategy {
        case .ipv4Only: family(name, isV4: true) { reply(Self.combine(name, [$0])) }
        case .ipv6Only: family(name, isV4: false) { reply(Self.combine(name, [$0])) }
        case .ipv4ThenIPv6: inTurn(name, v4First: true, reply: reply)
        case .ipv6ThenIPv4: inTurn(name, v4First: false, reply: reply)
        case .ipv4AndIPv6:
            let both = SharedPair<FamilyAnswer>()
            family(name, isV4: true) { answer in
                if let (first, second) = both.set(first: answer) { reply(Self.combine(name, [first, second])) }
            }
            family(name, isV4: false) { answer in
                if let (first, second) = both.set(second: answer) { reply(Self.combine(name, [first, second])) }
            }
        }
    }

    private func inTurn(
        _ name: String, v4First: Bool, reply: @escaping @Sendable (Result<[HostAddress], RouteFailure>) -> Void
    ) {
        family(name, isV4: v4First) { [self] first in
            if case .addresses = first { return reply(Self.combine(name, [first])) }
            family(name, isV4: !v4First) { second in reply(Self.combine(name, [first, second])) }
        }
    }

    private static func combine(_ name: String, _ answers: [FamilyAnswer]) -> Result<[HostAddress], RouteFailure> {
        var addresses: [HostAddress] = []
        var failure: String?
        for answer in answers {
            switch answer {
            case .addresses(let some): addresses += some
            case .none: break
            case .failed(let text): failure = failure ?? text
            }
        }
        if !addresses.isEmpty { return .success(addresses) }
        if let failure { return .failure(.temporary(failure)) }
        return .failure(.noSuchDomain("\(name) has no address"))
    }

    private func family(_ name: String, isV4: Bool, reply: @escaping @Sendable (FamilyAnswer) -> Void) {
        let key = HostKey(name: name, isV4: isV4)
        let now = clock()
        switch hosts.withLock({ $0.join(key, now: now, waiter: reply) }) {
        case .hit(let value): reply(value)
        case .refused: reply(.failed("too many DNS lookups wait"))
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
                for waiter in waiters { waiter(.failed("DNS lookup of \(key.name) waited too long")) }
            case .start(let key):
                resolver.lookup(key.name, key.isV4 ? .a : .aaaa, timeout: configuration.timeout) { [self] result in
                    let (answer, timeToLive) = read(result)
                    let expires = timeToLive.map { clock() + $0 }
                    let waiters = hosts.withLock { $0.finish(key, answer, expires: expires) }
                    for waiter in waiters { waiter(answer) }
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

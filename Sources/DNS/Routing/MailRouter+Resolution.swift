internal import Platform

extension MailRouter {
    /// Most hosts of one domain that are used; the rest, by preference, is ignored.
    private static let maximumHosts = 64

    /// Asks for the MX records of `name`, and for its addresses when it has none (RFC 5321 5.1). Replies with the result and
    /// how long it may be kept.
    func resolve(_ name: String, reply: @escaping @Sendable (RouteResult, Life) -> Void) {
        resolver.lookup(name, .mx, timeout: configuration.timeout) { [self] result in
            switch result {
            case .failure(let error):
                fail(name, error, reply)
            case .success(let answer):
                switch answer.status {
                case .noSuchName:
                    reply(.failure(.noSuchDomain("\(name) does not exist (NXDOMAIN)")), negativeLife([answer]))
                case .noData:
                    resolveImplicit(name, answer, reply: reply)
                case .records:
                    reply(exchangers(name, answer), timeToLive(answer))
                }
            }
        }
    }

    /// No answer is kept for less, so that a time to live of zero does not mean a query per message.
    static let shortestLife = Duration.seconds(1)
    /// Longest time a failure of the DNS may be remembered (RFC 2308 7.1).
    private static let longestFailure = Duration.seconds(300)

    /// How long it is remembered that something is not there: as long as every answer that says so holds (the resolver gives the lesser of
    /// the SOA's minimum and its time to live; without an SOA nothing, RFC 2308 5), but no longer than configured.
    ///
    /// The second more is the resolver's: it counts whole ones, and asked too early it would repeat itself without a query.
    func negativeLife(_ answers: [DNSAnswer]) -> Duration {
        let seconds = answers.map(\.timeToLive).min() ?? 0
        return max(Self.shortestLife, min(.seconds(max(seconds, 0)), configuration.negativeTTL)) + .seconds(1)
    }

    /// How long it is remembered that the DNS did not answer, or not credibly.
    var failureLife: Duration { max(Self.shortestLife, min(configuration.temporaryTTL, Self.longestFailure)) }

    /// How long an answer with records is kept.
    func timeToLive(_ answer: DNSAnswer) -> Duration {
        max(Self.shortestLife, min(.seconds(answer.timeToLive), configuration.maximumTTL))
    }

    private func exchangers(_ name: String, _ answer: DNSAnswer) -> RouteResult {
        var best: [String: Int] = [:]
        var hasRoot = false
        for case .mx(let preference, let host) in answer.records {
            if host.isEmpty {
                hasRoot = true
            } else {
                best[host] = min(best[host] ?? .max, preference)
            }
        }
        guard !best.isEmpty else {
            return .failure(hasRoot ? .nullMX : .temporary("the MX records of \(name) are malformed"))
        }
        // A root among other hosts is a mistake (RFC 7505 3); the others still count.
        let hosts = best.map { MailRoute.Host(preference: $0.value, name: $0.key) }
            .sorted { ($0.preference, $0.name) < ($1.preference, $1.name) }
            .prefix(Self.maximumHosts)
        return .success(
            MailRoute(
                siteName: SiteName.rollup(hosts.map(\.name)), hosts: Array(hosts), kind: .mx, expires: .distantPast,
                isSecure: answer.isSecure))
    }

    /// `exchangers` said that there is no MX: that holds only for a time too, and what follows from it no longer.
    private func resolveImplicit(_ name: String, _ exchangers: DNSAnswer, reply: @escaping @Sendable (RouteResult, Life) -> Void) {
        let route = MailRoute(
            siteName: name, hosts: [MailRoute.Host(preference: 0, name: name)], kind: .implicit, expires: .distantPast,
            isSecure: exchangers.isSecure)
        resolver.lookup(name, .a, timeout: configuration.timeout) { [self] first in
            if case .success(let answer) = first, answer.status == .records {
                return reply(.success(route), min(timeToLive(answer), negativeLife([exchangers])))
            }
            resolver.lookup(name, .aaaa, timeout: configuration.timeout) { [self] second in
                if case .success(let answer) = second, answer.status == .records {
                    return reply(.success(route), min(timeToLive(answer), negativeLife([exchangers])))
                }
                for case .failure(let error) in [first, second] { return fail(name, error, reply) }
                reply(
                    .failure(.noSuchDomain("\(name) has neither MX nor address records")),
                    negativeLife([exchangers] + [first, second].compactMap { try? $0.get() }))
            }
        }
    }

    private func fail(_ name: String, _ error: DNSError, _ reply: @escaping @Sendable (RouteResult, Life) -> Void) {
        switch error.code {
        case .invalidName: reply(.failure(.invalidDomain("\(name) is not a domain name")), configuration.negativeTTL)
        // These say something about this process, not about the domain: nothing to remember.
        case .overloaded, .cancelled, .closed, .resourcesExhausted, .invalidConfiguration:
            reply(.failure(.temporary(error.message)), nil)
        case .timedOut, .serverFailure, .bogus:
            reply(.failure(.temporary(error.message)), failureLife)
        }
    }
}

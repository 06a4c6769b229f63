extension MailRouter {
    /// Most hosts of one domain that are used; the rest, by preference, is ignored.
    private static let maximumHosts = 64

    /// Asks for the MX records of `name`, and for its addresses when it has none (RFC 5321 5.1). Replies with the result and
    /// how many nanoseconds it may be kept.
    func resolve(_ name: String, reply: @escaping @Sendable (RouteResult, Int64) -> Void) {
        resolver.lookup(name, .mx, timeout: configuration.timeout) { [self] result in
            switch result {
            case .failure(let error):
                fail(name, error, reply)
            case .success(let answer):
                switch answer.status {
                case .noSuchName:
                    reply(.failure(.noSuchDomain("\(name) does not exist (NXDOMAIN)")), negativeTTL)
                case .noData:
                    resolveImplicit(name, isSecure: answer.isSecure, reply: reply)
                case .records:
                    reply(exchangers(name, answer), timeToLive(answer))
                }
            }
        }
    }

    /// How long it is remembered that something is not there.
    var negativeTTL: Int64 { configuration.negativeTTL.clampedNanoseconds }

    /// How long an answer with records is kept.
    func timeToLive(_ answer: DNSAnswer) -> Int64 {
        let seconds = Int64(clamping: max(answer.timeToLive, 1))
        let product = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return min(product.overflow ? .max : product.partialValue, configuration.maximumTTL.clampedNanoseconds)
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
                siteName: SiteName.rollup(hosts.map(\.name)), hosts: Array(hosts), kind: .mx, expires: 0,
                isSecure: answer.isSecure))
    }

    private func resolveImplicit(_ name: String, isSecure: Bool, reply: @escaping @Sendable (RouteResult, Int64) -> Void) {
        let route = MailRoute(
            siteName: name, hosts: [MailRoute.Host(preference: 0, name: name)], kind: .implicit, expires: 0, isSecure: isSecure)
        resolver.lookup(name, .a, timeout: configuration.timeout) { [self] first in
            if case .success(let answer) = first, answer.status == .records {
                return reply(.success(route), timeToLive(answer))
            }
            resolver.lookup(name, .aaaa, timeout: configuration.timeout) { [self] second in
                if case .success(let answer) = second, answer.status == .records {
                    return reply(.success(route), timeToLive(answer))
                }
                for case .failure(let error) in [first, second] { return fail(name, error, reply) }
                reply(.failure(.noSuchDomain("\(name) has neither MX nor address records")), negativeTTL)
            }
        }
    }

    private func fail(_ name: String, _ error: DNSError, _ reply: @escaping @Sendable (RouteResult, Int64) -> Void) {
        switch error.code {
        case .invalidName: reply(.failure(.invalidDomain("\(name) is not a domain name")), negativeTTL)
        // These say something about this process, not about the domain: nothing to remember.
        case .overloaded, .cancelled, .closed, .resourcesExhausted, .invalidConfiguration:
            reply(.failure(.temporary(error.message)), 0)
        case .timedOut, .serverFailure, .bogus:
            reply(.failure(.temporary(error.message)), configuration.temporaryTTL.clampedNanoseconds)
        }
    }
}

package import Platform
internal import Synchronization

/// Finds the hosts for a domain and the addresses of a host. *Shared.*
///
/// Answers are kept no longer than their time to live (at least a second, so that a time to live of zero does not mean a
/// query per message); that something is not there for as long as the zone says (RFC 2308), and failures of the DNS for the time of the
/// configuration. Nobody waits longer than `maxWait` and a few timeouts. Replies come on the resolver's thread, or at
/// once on the caller's.
///
/// *Diagnostics*: everything the DNS does is data, a `RouteFailure`. Nothing is retried; the queue's schedule does that.
package final class MailRouter: Sendable {
    /// A route, or why there is none.
    package typealias RouteResult = Result<MailRoute, RouteFailure>

    /// The addresses of one family.
    struct HostKey: Sendable, Hashable {
        let name: String
        let isV4: Bool
    }

    let resolver: any Resolving
    let configuration: MailRouterConfiguration
    let clock: @Sendable () -> MonotonicInstant
    let counters = MailRouterCounters()
    let routes: Mutex<FlightTable<String, RouteAnswer>>
    let hosts: Mutex<FlightTable<HostKey, FamilyRecord>>

    /// A router with an empty cache.
    package init(
        resolver: any Resolving, configuration: MailRouterConfiguration = MailRouterConfiguration(),
        clock: @escaping @Sendable () -> MonotonicInstant = MonotonicInstant.now
    ) {
        self.resolver = resolver
        self.configuration = configuration
        self.clock = clock
        let maxWait = configuration.maxWait
        self.routes = Mutex(
            FlightTable(
                limit: configuration.concurrency, capacity: configuration.capacity,
                maxWaiters: configuration.maxWaiters, maxWait: maxWait))
        self.hosts = Mutex(
            FlightTable(
                limit: configuration.concurrency, capacity: configuration.capacity,
                maxWaiters: configuration.maxWaiters, maxWait: maxWait))
    }

    /// The route for `domain`: a domain, an address literal, either with `:port`.
    package func route(_ domain: String) async -> RouteResult { await answer(domain).result }

    /// The same with how long the answer holds and whether the DNS was asked for it.
    package func answer(_ domain: String) async -> RouteAnswer {
        if let known = cachedAnswer(domain, now: clock()) { return known }
        return await withCheckedContinuation { continuation in
            answer(domain) { continuation.resume(returning: $0) }
        }
    }

    /// The route if it is known. Takes no time.
    package func cachedRoute(_ domain: String, now: MonotonicInstant) -> MailRoute? {
        guard case .success(let route)? = cachedAnswer(domain, now: now)?.result else { return nil }
        return route
    }

    /// The route or the failure, if either is known.
    package func cachedAnswer(_ domain: String, now: MonotonicInstant) -> RouteAnswer? {
        guard let known = routes.withLock({ $0.cached(domain, now: now) }) else { return nil }
        counters.count(counters.hits)
        return known.remembered
    }

    /// The route for `domain`; `reply` is called exactly once.
    package func route(_ domain: String, reply: @escaping @Sendable (RouteResult) -> Void) { answer(domain) { reply($0.result) } }

    /// The route for `domain`, and how long it holds; `reply` is called exactly once.
    package func answer(_ domain: String, reply: @escaping @Sendable (RouteAnswer) -> Void) {
        switch Destination(domain) {
        case nil: reply(RouteAnswer(.failure(.invalidDomain("\(domain) is not a domain name")), expires: .distantFuture))
        case .literal(let address, let port):
            let route = RouteAnswer(.success(Self.literalRoute(address, port: port)), expires: .distantFuture)
            routes.withLock { $0.insert(route, for: domain, expires: .distantFuture) }
            reply(route)
        case .domain(let name, nil): join(name, reply: reply)
        case .domain(let name, let port?):
            join(name) { [self] answer in
                var mapped = answer
                mapped.result = answer.result.map { $0.on(port: port) }
                // Kept under its own name, so that asking again costs no more than for the bare domain. What was not asked for is
                // nothing to keep.
                if !mapped.isRemembered { routes.withLock { $0.insert(mapped, for: domain, expires: mapped.expires) } }
                reply(mapped)
            }
        }
    }

    /// Forgets all answers, for instance when the resolver's configuration changed.
    package func forget() {
        routes.withLock { $0.forget() }
        hosts.withLock { $0.forget() }
    }

    /// Longest time it is remembered that something does not exist.
    package var negativeTTL: Duration { configuration.negativeTTL }

    /// What was looked up so far.
    package var statistics: MailRouterStatistics {
        MailRouterStatistics(
            inProgress: routes.withLock { $0.running }, cacheHits: counters.hits.load(ordering: .relaxed),
            cacheMisses: counters.misses.load(ordering: .relaxed), ok: counters.ok.load(ordering: .relaxed),
            failed: counters.failed.load(ordering: .relaxed))
    }

    private static func literalRoute(_ address: HostAddress, port: Int?) -> MailRoute {
        let host = MailRoute.Host(preference: 0, name: address.text, address: address)
        let site = address.isV4 ? "[\(address.text)]" : "[IPv6:\(address.text)]"
        let route = MailRoute(siteName: site, hosts: [host], kind: .literal(address), expires: .distantFuture)
        return port.map { route.on(port: $0) } ?? route
    }

    /// How long a failure that says nothing about the domain is waited out.
    static let ownTrouble = Duration.seconds(5)

    private func notAsked(_ why: String) -> RouteAnswer {
        RouteAnswer(.failure(.temporary(why)), expires: clock() + Self.ownTrouble, isRemembered: true)
    }

    private func join(_ name: String, reply: @escaping @Sendable (RouteAnswer) -> Void) {
        let now = clock()
        let joined = routes.withLock { $0.join(name, now: now, waiter: reply) }
        switch joined {
        case .hit(let value):
            counters.count(counters.hits)
            reply(value.remembered)
        case .refused:
            reply(notAsked("too many DNS lookups wait"))
        case .joined:
            counters.count(counters.misses)
            drainRoutes()
        }
    }

    private func drainRoutes() {
        guard routes.withLock({ $0.beginDraining() }) else { return }
        while true {
            let now = clock()
            switch routes.withLock({ $0.nextStart(now: now) }) {
            case .nothing: return
            case .expired(let name, let waiters):
                for waiter in waiters { waiter(notAsked("DNS lookup of \(name) waited too long")) }
            case .start(let name):
                resolve(name) { [self] result, life in finish(name, result, life) }
            }
        }
    }

    /// How long an answer is kept; nil when the DNS was not asked: then it is not kept at all.
    typealias Life = Duration?

    private func finish(_ name: String, _ result: RouteResult, _ life: Life) {
        let answer: RouteAnswer
        switch result {
        case .success(var route):
            counters.count(counters.ok)
            route.expires = clock() + (life ?? Self.shortestLife)
            answer = RouteAnswer(.success(route), expires: route.expires)
        case .failure(let failure):
            counters.count(counters.failed)
            answer = RouteAnswer(.failure(failure), expires: clock() + (life ?? Self.ownTrouble), isRemembered: life == nil)
        }
        let waiters = routes.withLock { $0.finish(name, answer, expires: life == nil ? nil : answer.expires) }
        for waiter in waiters { waiter(answer) }
        drainRoutes()
    }
}

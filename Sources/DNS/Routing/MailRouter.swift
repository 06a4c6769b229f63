internal import Synchronization

/// Finds the hosts for a domain and the addresses of a host. *Shared.*
///
/// Answers are kept no longer than their time to live (at least a second, so that a time to live of zero does not mean a
/// query per message). Nobody waits longer than `maxWait` and a few timeouts. Replies come on the resolver's thread, or at
/// once on the caller's.
///
/// *Diagnostics*: everything the DNS does is data, a `RouteFailure`. Nothing is retried; the queue's schedule does that.
package final class MailRouter: Sendable {
    package typealias RouteResult = Result<MailRoute, RouteFailure>

    /// The addresses of one family.
    struct HostKey: Sendable, Hashable {
        let name: String
        let isV4: Bool
    }

    let resolver: any Resolving
    let configuration: MailRouterConfiguration
    let clock: @Sendable () -> Int64
    let counters = MailRouterCounters()
    let routes: Mutex<FlightTable<String, RouteResult>>
    let hosts: Mutex<FlightTable<HostKey, FamilyAnswer>>

    package init(
        resolver: any Resolving, configuration: MailRouterConfiguration = MailRouterConfiguration(),
        clock: @escaping @Sendable () -> Int64 = MonotonicClock.now
    ) {
        self.resolver = resolver
        self.configuration = configuration
        self.clock = clock
        let maxWait = configuration.maxWait.clampedNanoseconds
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
    package func route(_ domain: String) async -> RouteResult {
        if let known = cachedResult(domain, now: clock()) { return known }
        return await withCheckedContinuation { continuation in
            route(domain) { continuation.resume(returning: $0) }
        }
    }

    /// The route if it is known. Takes no time; `now` is monotonic.
    package func cachedRoute(_ domain: String, now: Int64) -> MailRoute? {
        guard case .success(let route) = cachedResult(domain, now: now) else { return nil }
        return route
    }

    /// The route or the failure, if either is known.
    package func cachedResult(_ domain: String, now: Int64) -> RouteResult? {
        let known = routes.withLock { $0.cached(domain, now: now) }
        if known != nil { counters.count(counters.hits) }
        return known
    }

    /// The route for `domain`; `reply` is called exactly once.
    package func route(_ domain: String, reply: @escaping @Sendable (RouteResult) -> Void) {
        switch Destination(domain) {
        case nil: reply(.failure(.invalidDomain("\(domain) is not a domain name")))
        case .literal(let address, let port):
            let route = Self.literalRoute(address, port: port)
            routes.withLock { $0.insert(.success(route), for: domain, expires: .max) }
            reply(.success(route))
        case .domain(let name, nil): join(name, reply: reply)
        case .domain(let name, let port?):
            join(name) { [self] result in
                let mapped = result.map { $0.on(port: port) }
                if case .success(let route) = mapped {
                    routes.withLock { $0.insert(mapped, for: domain, expires: route.expires) }
                }
                reply(mapped)
            }
        }
    }

    /// Forgets all answers, for instance when the resolver's configuration changed.
    package func forget() {
        routes.withLock { $0.forget() }
        hosts.withLock { $0.forget() }
    }

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
        let route = MailRoute(siteName: site, hosts: [host], kind: .literal(address), expires: .max)
        return port.map { route.on(port: $0) } ?? route
    }

    private func join(_ name: String, reply: @escaping @Sendable (RouteResult) -> Void) {
        let now = clock()
        let joined = routes.withLock { $0.join(name, now: now, waiter: reply) }
        switch joined {
        case .hit(let value):
            counters.count(counters.hits)
            reply(value)
        case .refused:
            reply(.failure(.temporary("too many DNS lookups wait")))
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
                for waiter in waiters { waiter(.failure(.temporary("DNS lookup of \(name) waited too long"))) }
            case .start(let name):
                resolve(name) { [self] result, timeToLive in
                    finish(name, result, timeToLive: timeToLive)
                }
            }
        }
    }

    private func finish(_ name: String, _ result: RouteResult, timeToLive: Int64) {
        let expires = clock().addingClamped(timeToLive)
        let value = result.map { route in
            var route = route
            route.expires = expires
            return route
        }
        switch value {
        case .success: counters.count(counters.ok)
        case .failure: counters.count(counters.failed)
        }
        let waiters = routes.withLock { $0.finish(name, value, expires: expires) }
        for waiter in waiters { waiter(value) }
        drainRoutes()
    }
}

import NIOCore
import Resources
import Shaping
import Telemetry

// Permits that are leased from the cluster, and can end before their connections do.
extension EgressLane {
    /// Whether the leases of the connections still allow a transaction. Asked immediately before each one: a process that was stopped for a
    /// while wakes up with leases that others hold by now.
    func mayTransact() -> Bool {
        guard let limits, limits.leasesEnd else { return true }
        let now = Clock.monotonic()
        let (terms, limit) = limits.terms(now: now)
        guard now >= terms.startBy || terms.excess > 0 else { return true }
        block = .leaseEnded(limit)
        wake(at: now + 250_000_000)
        return false
    }

    /// Whether another node waits for one of the permits in use.
    var isRecalled: Bool {
        guard let limits, limits.leasesEnd else { return false }
        return limits.terms(now: Clock.monotonic()).terms.recall > 0
    }

    /// Whether a connection that was granted may still be dialled: names are looked up meanwhile, and a process may be stopped.
    var mayDial: Bool {
        guard let limits, limits.leasesEnd else { return true }
        let now = Clock.monotonic()
        return now < limits.terms(now: now).terms.startBy
    }

    /// Connections under leases are looked at four times a second, whatever else happens.
    func watchLeases() {
        guard !isWatching, limits?.leasesEnd == true else { return }
        isWatching = true
        address.post(.path(gate, .checkLeases), in: .milliseconds(250))
    }

    /// Closes connections whose leases have ended, or for which other nodes wait.
    func checkLeases() {
        isWatching = false
        guard !gate.isRetired else { return }
        defer { watchLeases() }
        guard !connections.isEmpty, let limits else { return }
        let now = Clock.monotonic()
        let (terms, _) = limits.terms(now: now)
        if now >= terms.closeBy {
            services.metrics.leasesLost.add(connections.values.count { !$0.isFenced })
            for connection in connections.values { connection.fence() }
            return
        }
        // Those that are on their way out still count.
        var surplus = terms.excess - connections.values.count { $0.isLeaving }
        while surplus > 0, let connection = idle.last ?? connections.values.first(where: { !$0.isFenced }) {
            surplus -= 1
            services.metrics.leasesLost.add(1)
            connection.fence()
        }
        // Idle connections have no transaction to wait for.
        while let connection = idle.first, limits.claimRecall() { connection.quit() }
    }
}

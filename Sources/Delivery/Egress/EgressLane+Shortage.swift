import Options
import Platform
import Resources
import Shaping
import Telemetry

// What the machine has no room for: connections that cannot be opened, and those that the budget does not allow. Messages wait without an
// attempt. Runs on the path's loop.
extension EgressLane {
    /// How long nothing is dialled after a shortage, nanoseconds.
    private static let shortagePause: Int64 = 1_000_000_000

    /// A connection could not be opened for want of something that this machine has too little of.
    func fellShort(_ shortage: LocalShortage) {
        let until = Clock.monotonic() + Self.shortagePause
        dialsAgainAt = until
        block = .shortage(shortage.text, remedy: shortage.remedy)
        Log.warn("no connection to another server can be opened for now: \(shortage.text); \(shortage.remedy)", ["path": name])
        wake(at: until)
    }

    /// Whether a shortage is being waited out.
    func isShort(now: Int64) -> Bool {
        guard now < dialsAgainAt else { return false }
        wake(at: dialsAgainAt)
        return true
    }

    /// Deliveries after which a connection ends when other paths wait for one.
    private static let turn = 20

    /// After how many deliveries a connection ends.
    func deliveryLimit(_ config: Held<EgressPathConfig>) -> Int {
        services.egressSlots.isContended ? min(config.table.maxDeliveriesPerConnection, Self.turn) : config.table.maxDeliveriesPerConnection
    }

    /// Takes a slot of the node's budget for a connection; else says what is waited for.
    func takeSlot(now: Int64) -> Bool {
        let slots = services.egressSlots
        if slots.take(for: gate) { return true }
        block = .descriptors(slots.limit, hasNone: connections.isEmpty)
        wake(at: now + Self.shortagePause)
        if slots.claimShedding(now: now) {
            for path in services.paths.all where path !== gate { services.post(path, .quitIdle) }
        }
        return false
    }
}

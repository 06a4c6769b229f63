internal import Synchronization

/// The permits of one limiter, where the root can reach them. *Shared*: one transition per critical section.
final class PermitSpare: PermitHolder {
    /// What is held.
    let holding: Mutex<PermitHolding>

    /// Nothing held.
    init(limit: Int) { holding = Mutex(PermitHolding(limit: limit)) }

    func surrender() -> Int { holding.withLock { $0.surrender() } }
}

package import Cluster
package import DNS
import Platform
import Synchronization

/// *Shared*: what every loop may see of an egress path at once: its name, its shard, the places left in its ready queue, and why it sends
/// nothing.
///
/// The path itself is an actor of its shard. Other loops name it by its gate and send it a `PathCommand`.
package final class PathGate: Sendable {
    /// `source->site@protocol`.
    package let name: String
    /// The site it leads to.
    package let site: String
    /// Where its connections come from.
    package let source: EgressSource
    /// A domain that uses this path, for the policy.
    let domain: String
    /// The route with which the path begins.
    let firstRoute: MailRoute
    /// The index of the shard that owns the path.
    package let shard: Int

    /// Places left in the ready queue; negative while a reduced `max_ready` drains. Until the policy has said `max_ready`, one message at a
    /// time is let in.
    private let places = Atomic<Int>(1)
    private let capacity = Atomic<Int>(1)
    /// When the route that the path knows expires.
    let routeExpires = Atomic<MonotonicInstant>(.distantPast)
    private let retired = Atomic<Bool>(false)
    private let waiting = Mutex(WaitingQueues())
    private let hasWaiting = Atomic<Bool>(false)
    private let shown = Mutex(PathBlock.none)

    /// The gate of a path that lives on that shard, with room for one message.
    package init(name: String, source: EgressSource, route: MailRoute, domain: String, shard: Int) {
        self.name = name
        self.source = source
        site = route.siteName
        firstRoute = route
        self.domain = domain
        self.shard = shard
    }

    /// Whether the path was given up because nothing used it.
    package var isRetired: Bool { retired.load(ordering: .acquiring) }

    /// The rule that forbids this path to send.
    package func suspension(_ control: ControlState) -> ControlEntry? { control.pathSuspension(name) }

    // MARK: Places

    /// Takes one place in the ready queue; `PathCommand.offer` or `giveBack` must follow.
    ///
    /// Fresh messages leave the last places to queues that wait for room: else deferred mail would starve behind new mail.
    package func reserve(isFresh: Bool, _ control: ControlState) -> Bool {
        guard suspension(control) == nil else { return false }
        if isFresh, hasWaiting.load(ordering: .relaxed), places.load(ordering: .relaxed) <= wakeThreshold { return false }
        if places.wrappingSubtract(1, ordering: .acquiringAndReleasing).oldValue > 0 { return true }
        places.wrappingAdd(1, ordering: .acquiringAndReleasing)
        return false
    }

    /// Gives places back.
    /// - Returns: the queues to be pumped: those that wait for room, once a good part is free.
    func giveBack(_ count: Int, _ control: ControlState) -> [QueueGate] {
        let free = places.wrappingAdd(count, ordering: .acquiringAndReleasing).newValue
        guard hasWaiting.load(ordering: .relaxed), free >= wakeThreshold, suspension(control) == nil else { return [] }
        return waiting.withLock { waiting in
            defer { hasWaiting.store(!waiting.isEmpty, ordering: .relaxed) }
            return waiting.take(max(1, free))
        }
    }

    /// The queue is to be pumped when the ready queue has room again.
    /// - Returns: the queues to be pumped at once: room may have come between the failed reservation and this registration.
    func wait(_ queue: QueueGate, _ control: ControlState) -> [QueueGate] {
        waiting.withLock { waiting in
            waiting.add(queue)
            hasWaiting.store(true, ordering: .relaxed)
        }
        return places.load(ordering: .acquiring) > 0 ? giveBack(0, control) : []
    }

    /// Free places at which queues that wait for room are woken: a wake-up per message would be one hop per message.
    private var wakeThreshold: Int { max(1, min(64, capacity.load(ordering: .relaxed) / 4)) }

    /// The ready queue holds that many from now on. Called by the path only.
    /// - Returns: the queues to be pumped.
    func resize(to size: Int, _ control: ControlState) -> [QueueGate] {
        let change = size - capacity.exchange(size, ordering: .relaxed)
        places.wrappingAdd(change, ordering: .acquiringAndReleasing)
        return change > 0 ? giveBack(0, control) : []
    }

    /// Ends the path unless somebody holds a reservation: then nobody can get one any more. Called by the path only.
    func retireIfUnused() -> Bool {
        let size = capacity.load(ordering: .relaxed)
        guard places.compareExchange(expected: size, desired: .min / 2, ordering: .acquiringAndReleasing).exchanged else { return false }
        retired.store(true, ordering: .releasing)
        return true
    }

    // MARK: Why nothing moves

    /// Shows why the path sends nothing. Called by the path only.
    func show(_ block: PathBlock) { shown.withLock { $0 = block } }

    /// Why the path sends nothing, one line; `nil` when nothing blocks.
    func blockText(_ control: ControlState, _ clocks: Clocks) -> String? {
        suspension(control).map { "suspended: \($0.sentence)" } ?? shown.withLock { $0 }.text(clocks)
    }

    /// Whether the path sends nothing, for longer than a moment.
    func isStanding(_ control: ControlState, _ clocks: Clocks) -> Bool {
        suspension(control) != nil || shown.withLock { $0 }.isStanding(at: clocks.now)
    }
}

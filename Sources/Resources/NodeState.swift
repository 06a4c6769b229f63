import Synchronization

/// *Shared*: where the node stands in its life (lifecycle of the design): starting, ready, stopping.
package final class NodeState: Sendable {
    /// *Value*: the phases, in their order.
    package enum Phase: Int, Sendable {
        case starting, ready, stopping
    }

    private let value = Atomic<Int>(Phase.starting.rawValue)
    private let recovered = Atomic<Bool>(false)
    private let hurried = Atomic<Bool>(false)

    /// Rings when a stop may go on: a connection has gone, or it is to be hurried.
    package let departures = Doorbell()

    /// A node that starts.
    package init() {}

    /// A connection or a session has gone; a stop may wait for that.
    package func noteDeparture() {
        if phase == .stopping { departures.ring() }
    }

    /// The phase it is in.
    package var phase: Phase {
        get { Phase(rawValue: value.load(ordering: .acquiring)) ?? .stopping }
        set { value.store(newValue.rawValue, ordering: .releasing) }
    }

    /// Whether the spool has been read to its end.
    package var isRecovered: Bool {
        get { recovered.load(ordering: .acquiring) }
        set { recovered.store(newValue, ordering: .releasing) }
    }

    /// Whether a stop should not wait for what is running.
    package var isHurried: Bool {
        get { hurried.load(ordering: .acquiring) }
        set {
            hurried.store(newValue, ordering: .releasing)
            departures.ring()
        }
    }
}

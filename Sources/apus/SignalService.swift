import Node
import ServiceLifecycle

/// *Value*: what signals ask of a node, as a service of its group: it ends at the first that asks for a stop, and the group ends the others.
///
/// The signals are our own and not those of `ServiceGroup`: one that comes before the group runs must not be lost, SIGPWR and SIGXCPU ask for a
/// stop too, and a second request hurries the first.
struct SignalService: Service {
    let signals: Signals
    let node: Node

    func run() async throws {
        // Another part may end the group before any signal.
        await cancelWhenGracefulShutdown { [signals, node] in await signals.untilStop { await node.reload() } }
        Task { [signals, node] in
            while let request = await signals.next() { if request == .stop { node.hurry() } }
        }
    }
}

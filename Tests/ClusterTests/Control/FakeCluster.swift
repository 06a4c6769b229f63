import NIOCore
import NIOEmbedded
import Telemetry

@testable import Cluster

/// Some nodes and one store on paper time. Used by one thread only.
final class FakeCluster: @unchecked Sendable {
    /// One node; nil state = it does not run.
    struct Node {
        var name: String
        var bus: FakeBus
        var skew: Int64 = 0
        var state: ControlState?
        var sync: ControlSync?
    }

    let loop = EmbeddedEventLoop()
    let store = FakeStore()
    let wall = WallClock()
    let scratch = ScratchDirectory()
    var nodes: [Node] = []
    /// Hints arrive (unless a node is cut off).
    var hasHints = true
    private var listeners: [String: @Sendable ([UInt8]) -> Void] = [:]

    /// How each node signs.
    var seals: [OrderSeal?]

    init(_ count: Int, seed: UInt64 = 0, seal: OrderSeal? = nil) throws {
        seals = Array(repeating: seal, count: count)
        // The faults of these tests would fill pages.
        Log.level = .error
        for index in 0..<count {
            nodes.append(Node(name: "node-\(index)", bus: FakeBus(loop: loop, store: store, seed: seed &* 31 &+ UInt64(index))))
        }
        store.onPublish = { [unowned self] _, message in
            guard hasHints else { return }
            for (name, listener) in listeners where nodes.contains(where: { $0.name == name && !$0.bus.isDown && $0.sync != nil }) {
                loop.scheduleTask(in: .milliseconds(1)) { listener(Array(message.utf8)) }
            }
        }
        for index in 0..<count { try start(index) }
    }

    func start(_ index: Int) throws {
        let (name, skew, wall) = (nodes[index].name, nodes[index].skew, wall)
        let state = try ControlState(
            directory: scratch.sub(name), node: name, writesItself: false, clock: { wall.now + skew }, steady: { wall.steady })
        let sync = ControlSync(state: state, bus: nodes[index].bus, loop: loop, prefix: "apus", seal: seals[index]) {
            [unowned self] _, onMessage in
            listeners[name] = onMessage
        }
        nodes[index].state = state
        nodes[index].sync = sync
        sync.start()
        loop.run()
    }

    /// Ends a node as kill -9 does: what waits for the disk is lost.
    func crash(_ index: Int) {
        nodes[index].sync?.stop()
        loop.run()
        nodes[index].sync = nil
        nodes[index].state = nil
    }

    func state(_ index: Int) -> ControlState { nodes[index].state! }

    /// Lets time pass, for all clocks alike.
    func pass(milliseconds: Int64) {
        var left = milliseconds
        while left > 0 {
            let step = min(left, 50)
            store.now += step
            wall.now += step * 1_000_000
            loop.advanceTime(by: .milliseconds(step))
            left -= step
        }
    }

    /// Lets the calendar jump while nothing happens.
    func skip(days: Int64) {
        store.now += days * 86_400_000
        wall.now += days * WallClock.day
    }

    /// What each running node holds, without what differs by nature.
    var views: [[ControlEntry]] { nodes.compactMap { $0.state?.entries } }
}

import Message
import NIOCore
import Shaping

/// *Loop actor*: one egress path, `source->site@protocol`, on the loop of its shard. It owns a lane: the ready queue, the connections that drain
/// it, and its limits.
///
/// Its shard enters it once for all commands that wait; a connection enters it once per event of its session.
actor EgressPath {
    nonisolated let unownedExecutor: UnownedSerialExecutor
    /// What others see of the path.
    nonisolated let gate: PathGate
    let lane: EgressLane
    private var hasDoors = false

    init(_ gate: PathGate, services: DeliveryServices) {
        let address = services.shards.all[gate.shard]
        self.gate = gate
        unownedExecutor = address.loop.executor.asUnownedSerialExecutor()
        lane = EgressLane(gate, on: address, services: services)
    }

    /// Carries out a command.
    func perform(_ command: consuming PathCommand) {
        if !hasDoors {
            hasDoors = true
            lane.makeDoor = { [unowned self] id in PathDoor(path: self, connection: id) }
        }
        lane.perform(command)
    }

    /// Carries out a command, and those for this path that come next: the last of `commands`.
    func perform(_ command: consuming PathCommand, andThose commands: inout [ShardCommand]) {
        perform(command)
        while let last = commands.indices.last, commands[last].isFor(gate), case .path(_, let command)? = commands.popLast() {
            lane.perform(command)
        }
    }

    fileprivate func connection(_ id: Int) -> EgressConnection? { lane.connections[id] }

    /// Why the path sends nothing, the most important first.
    func explanation() -> [String] { lane.explanation() }

    /// Where a message is, when it is here.
    func place(of id: MessageID) -> [String]? { lane.place(of: id) }

    /// The limits of this path.
    func limitUses() -> [LimitUse] { lane.limitUses() }
}

/// *Shared*: the way of a connection's events into its path.
private struct PathDoor: ConnectionDoor {
    let path: EgressPath
    let connection: Int

    func enter<Value: Sendable>(_ body: @Sendable (EgressConnection) -> Value) -> Value? {
        path.assumeIsolated { path in path.connection(connection).map(body) }
    }
}

extension ShardCommand {
    /// Whether the command is for that path.
    fileprivate func isFor(_ path: PathGate) -> Bool {
        if case .path(let gate, _) = self { gate === path } else { false }
    }
}

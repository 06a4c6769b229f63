package import Client
package import Cluster
package import Message
import NIOCore
import Options
package import Policy
import Shaping
package import Spool
import Telemetry

/// *Loop actor*: everything that lives on one event loop: its Lua state, its scheduled queues, and the egress paths it starts.
///
/// Other parts of the node send it a `ShardCommand` by its address; a drain of the mailbox enters the actor once for all of them. Inside, queues
/// are plain objects that nothing else can reach. A path is an actor of its own on the same loop.
package actor Shard {
    /// The event loop.
    package nonisolated let unownedExecutor: UnownedSerialExecutor
    /// Where the shard takes its commands.
    package nonisolated let address: ShardAddress

    /// What its queues, paths and sessions have in common.
    package let ground: ShardGround
    private let services: DeliveryServices
    private(set) var queues: [ObjectIdentifier: ScheduledQueue] = [:]
    private(set) var paths: [ObjectIdentifier: EgressPath] = [:]

    /// Queues that are asked the same before the loop breathes.
    private static let batch = 256

    /// Makes the shard of an address and opens its mailbox.
    package init(_ address: ShardAddress, services: DeliveryServices) {
        self.init(ground: ShardGround(address, services: services))
    }

    init(ground: sending ShardGround) {
        self.ground = ground
        address = ground.address
        services = ground.services
        unownedExecutor = address.loop.executor.asUnownedSerialExecutor()
        address.open { [self] commands in assumeIsolated { $0.perform(&commands) } }
    }

    /// Puts a Lua state in force.
    package func use(_ engine: sending PolicyEngine) { ground.use(engine) }

    // MARK: Commands

    /// Carries out commands in order. They are moved out of the array, since a message in one of them is expensive to copy.
    private func perform(_ commands: inout [ShardCommand]) {
        commands.reverse()
        while let command = commands.popLast() {
            switch consume command {
            case .queue(let gate, let command): queue(gate, command)?.perform(command)
            case .path(let gate, let command): path(gate)?.assumeIsolated { $0.perform(command, andThose: &commands) }
            case .each(let gates, let command):
                for gate in gates.prefix(Self.batch) { queue(gate, command)?.perform(command) }
                let rest = gates.dropFirst(Self.batch)
                if !rest.isEmpty { address.post(.each(rest, command)) }
            case .committed(let completions): ground.committed(completions)
            case .timersDue: ground.timers.fire()
            case .reportOutcomes: ground.events?.report()
            case .configure(let gate): configure(gate)
            case .forgetQueue(let gate): queues[ObjectIdentifier(gate)] = nil
            case .forgetPath(let gate): paths[ObjectIdentifier(gate)] = nil
            case .retireEngines: ground.retireEngines()
            }
        }
    }

    /// The queue behind a gate; nil when it was given up and the command has gone to the queue that took its name.
    private func queue(_ gate: QueueGate, _ command: QueueCommand) -> ScheduledQueue? {
        if let queue = queues[ObjectIdentifier(gate)] { return queue }
        guard !gate.isRetired else {
            if let late = command.readdressed { services.post(ground.queue(named: gate.name), late) }
            return nil
        }
        return scheduledQueue(gate)
    }

    /// The queue behind a gate that is in use.
    func scheduledQueue(_ gate: QueueGate) -> ScheduledQueue {
        if let queue = queues[ObjectIdentifier(gate)] { return queue }
        let queue = ScheduledQueue(gate, on: ground)
        queues[ObjectIdentifier(gate)] = queue
        return queue
    }

    /// The path behind a gate; nil when it was given up.
    private func path(_ gate: PathGate) -> EgressPath? {
        if let path = paths[ObjectIdentifier(gate)] { return path }
        guard !gate.isRetired else { return nil }
        let path = EgressPath(gate, services: services)
        paths[ObjectIdentifier(gate)] = path
        return path
    }

    private func tell(_ path: EgressPath, _ command: PathCommand) { path.assumeIsolated { $0.perform(command) } }

    /// Asks the policy for the configuration of a path.
    private func configure(_ gate: PathGate) {
        ground.engine.ask(
            .getEgressPathConfig, [.string(gate.domain), .string(gate.source.name), .string(gate.site)], what: "get_egress_path_config"
        ) { table throws(ConfigError) in
            Held(try EgressPathConfig(table))
        } completion: { [services] result in
            services.post(gate, .configured(result))
        }
    }

    /// Returns when everything that was asked of the shard before is done.
    package func catchUp() {}

    // MARK: Questions

    /// The queues of this shard as `GET /api/queues` shows them.
    package func queueStatuses() -> [QueueStatus] { queues.values.filter { !$0.gate.isRetired }.map { $0.status() } }

    /// How many messages each queue of that scope has on this shard.
    package func messageCounts(_ scope: ControlScope) -> [(queue: String, count: Int)] {
        queues.values.filter { scope.matches(queue: $0.gate.parts) }.map { ($0.gate.name, $0.messageCount) }
    }

    /// Why the messages of a queue do not move; empty when the queue is not here.
    package func explanation(of gate: QueueGate) -> [String] { queues[ObjectIdentifier(gate)]?.explanation() ?? [] }

    /// Where a message of a queue waits; nil when the queue has handed it out.
    package func place(of handle: SpoolHandle, in gate: QueueGate) -> [String]? { queues[ObjectIdentifier(gate)]?.place(of: handle) }

    /// Why a path sends nothing; empty when the path is not here.
    package func explanation(of gate: PathGate) -> [String] {
        paths[ObjectIdentifier(gate)]?.assumeIsolated { $0.explanation() } ?? []
    }

    /// Where a message is, when a path of this shard has it.
    package func place(of id: MessageID) -> [String]? {
        for path in paths.values {
            if let found = path.assumeIsolated({ $0.place(of: id) }) { return found }
        }
        return nil
    }

    /// The limits that queues and paths of this shard are under.
    package func limitUses() -> [LimitUse] {
        paths.values.flatMap { path in path.assumeIsolated { $0.limitUses() } } + queues.values.compactMap { $0.limitUse() }
    }

    /// There is another policy: every queue and path asks it now, and not at the end of its refresh interval. In parts, since there may be many.
    package func policyChanged() async {
        for (index, queue) in Array(queues.values).enumerated() {
            queue.policyChanged()
            if index % Self.batch == Self.batch - 1 { await Task.yield() }
        }
        for (index, path) in Array(paths.values).enumerated() {
            tell(path, .policyChanged)
            if index % Self.batch == Self.batch - 1 { await Task.yield() }
        }
    }
}

extension QueueCommand {
    /// What of the command still matters when its queue was given up: messages go to the next queue of that name.
    fileprivate var readdressed: QueueCommand? {
        switch self {
        case .accept, .adopt, .adoptEntry, .recover: return self
        case .rebind(let rebind): rebind.run.queueIsDone()
        case .settle, .pump, .resolved, .readBack, .sweep, .awaitBarrier, .sweepSlotFree, .rulesChanged, .originsChanged: break
        }
        return nil
    }
}

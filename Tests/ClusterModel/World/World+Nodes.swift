internal import Cluster
internal import Shaping

extension World {
    /// A process begins.
    func start(_ i: Int) {
        guard nodes[i].phase == .absent || nodes[i].phase == .down || nodes[i].phase == .left else { return }
        incarnations += 1
        let settings = history.settings
        let remembered = defects.contains(.amnesia) ? [:] : nodes[i].disk
        agents[i] = (0..<settings.buckets).map { b in
            Agent(settings, bucket: b, node: "n\(i)", incarnation: incarnations, rememberedEpoch: remembered[b] ?? 0)
        }
        nodes[i].phase = .up
        nodes[i].epochs = remembered
        // Two seconds after its start and then every ten, where the share lasts a minute.
        nodes[i].notesAt = local(i) + settings.shareTTL / 30
        nodes[i].link = Link()
        nodes[i].link.generation = nodes[i].life &* 1_000_000
        nodes[i].inFlight = []
        nodes[i].deferred = []
        nodes[i].nextTick = .max
        nodes[i].lastWrite = .min / 4
        if nodes[i].sends.isEmpty { nodes[i].sends = Array(repeating: 0, count: history.limits.count) }
        nodes[i].rates = history.limits.map { _ in RateSender() }
        nodes[i].pools = history.limits.map { _ in ConnectionPool() }
        trace?.note(now, "node \(i) starts\(remembered.isEmpty ? "" : " again")")
        reconnect(i)
        scheduleTick(i, at: local(i))
        for (k, limit) in history.limits.enumerated() where limit.demand[i].rate > 0 {
            let at = now + random.within(0, 50 * Time.millisecond)
            if limit.spec == nil {
                nodes[i].pools[k].target = Int(min(limit.demand[i].rate, 1000))
                nodes[i].pools[k].nextLook = at
                push(.pool, at: at, node: i, a: k)
            } else {
                nodes[i].rates[k].nextLook = at
                push(.rate, at: at, node: i, a: k)
            }
        }
    }

    /// The process is gone in no order at all; its sockets close with it.
    func kill(_ i: Int) {
        guard nodes[i].phase == .up || nodes[i].phase == .paused else { return }
        forget(i, as: .down)
    }

    private func forget(_ i: Int, as phase: ModelNode.Phase) {
        if nodes[i].phase == .up { countConnections(of: i, sign: -1) }
        nodes[i].phase = phase
        nodes[i].life += 1
        for index in nodes[i].inFlight { finishNode(Int(index)) }
        for event in nodes[i].deferred where event.kind == .reply { finishStore(event.a, generation: event.b) }
        nodes[i].inFlight = []
        nodes[i].deferred = []
        nodes[i].pools = []
        nodes[i].rates = []
        agents[i] = []
    }

    func pause(_ i: Int) {
        guard nodes[i].phase == .up else { return }
        // A stopped process closes nothing, but what it holds is used by nobody.
        countConnections(of: i, sign: -1)
        nodes[i].phase = .paused
    }

    func resume(_ i: Int) {
        guard nodes[i].phase == .paused else { return }
        // First of all it closes what it may no longer have: only then do its connections count again.
        for k in nodes[i].pools.indices { watch(i, k) }
        nodes[i].phase = .up
        countConnections(of: i, sign: 1)
        // What became due meanwhile is found in any order: timers, readable sockets, whatever the loop looks at first.
        var events = nodes[i].deferred
        nodes[i].deferred = []
        events.shuffle(using: &random)
        for event in events where violation == nil && nodes[i].phase == .up {
            if event.kind == .tick, event.time != nodes[i].nextTick { continue }
            if event.kind == .tick { nodes[i].nextTick = now }
            perform(
                Event(
                    time: event.kind == .tick ? now : event.time, kind: event.kind, node: event.node, life: event.life, a: event.a,
                    b: event.b))
        }
    }

    /// Leaves in good order: closes, gives back, says so.
    func leave(_ i: Int) {
        guard nodes[i].phase == .up else { return }
        let now = local(i)
        for k in nodes[i].pools.indices {
            while let connection = nodes[i].pools[k].connections.last { close(i, k, connection.id, returning: true) }
        }
        for (k, limit) in history.limits.enumerated() {
            guard let spec = limit.spec else { continue }
            let b = bucket(k)
            for held in [nodes[i].rates[k].following, nodes[i].rates[k].held] where held.count > 0 {
                agents[i][b].returnRate(limit.key, spec: spec, slots: held.slots, now: now)
            }
        }
        for b in agents[i].indices {
            let request = agents[i][b].leave(now: now, runID: nodes[i].link.isUp ? text(run: nodes[i].link.run) : "")
            if nodes[i].link.isUp { send(i, b, request.sequence, request.keys, request.arguments) }
        }
        forget(i, as: .left)
    }

    func countConnections(of i: Int, sign: Int) {
        for k in nodes[i].pools.indices where !nodes[i].pools[k].connections.isEmpty {
            count(k, sign * nodes[i].pools[k].connections.count, by: i)
        }
    }

    /// Which bucket a limit lives in.
    @inline(__always)
    func bucket(_ k: Int) -> Int { k % history.settings.buckets }
}

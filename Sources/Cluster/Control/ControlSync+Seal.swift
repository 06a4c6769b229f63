internal import Redis
internal import Synchronization
internal import Telemetry

/// Values of the store in the light of the cluster's secret.
extension ControlSync {
    /// What an entry looks like in the store, and when it was signed ("" without a secret).
    func sealed(_ entry: ControlEntry) -> (json: String, signed: String) {
        guard let seal else { return (String(decoding: entry.json, as: UTF8.self), "") }
        let now = state.clock()
        return (String(decoding: seal.seal(entry.json, now: now), as: UTF8.self), String(now))
    }

    /// Takes the entry out of each value that no node of the cluster has signed, and takes the value out of the store where this node knows
    /// better. The store is to get `owed` again, once the values have been merged (a merge counts as an acknowledgment).
    func vetted(_ values: [StoredEntry]) -> (values: [StoredEntry], owed: [String]) {
        guard let seal else { return (values, []) }
        let now = state.clock()
        var renewed: [String] = []
        var replaced: [(id: String, start: String)] = []
        var refused: [String] = []
        let vetted = values.map { value -> StoredEntry in
            guard let entry = value.entry else { return value }
            let verdict = seal.verdict(value.json, now: now)
            switch verdict {
            case .valid(let signed):
                if signed < now &- OrderSeal.renewal { renewed.append(entry.id) }
                return value
            case .unsigned where seal.acceptsUnsigned:
                renewed.append(entry.id)
                return value
            case .unsigned: refused.append("it carries no signature")
            case .forged: refused.append("its signature is wrong: it comes from elsewhere, or from a node with another secret")
            case .stale: refused.append("its signature is too old")
            }
            if verdict == .stale {
                renewed.append(entry.id)
            } else if let stamp = value.stamp {
                replaced.append((entry.id, "\(stamp.version) \(stamp.node) "))
            }
            var value = value
            value.entry = nil
            value.isRefused = true
            return value
        }
        if let first = refused.first {
            Log.error(
                "orders in the store were refused: whoever can write to Redis may have put them there, or a node has no or another cluster_secret",
                ["count": refused.count, "first": first])
            state.countRefused(refused.count)
        }
        // Only in the place of what this node holds: two halves of a cluster with two secrets must not erase each other's orders.
        let held = replaced.filter { state.holds(id: $0.id) }
        if !held.isEmpty {
            let call = ScriptCall(
                script: ControlScripts.purge, keys: keys.control, arguments: held.flatMap { [$0.id, $0.start] }, runID: nil)
            bus.submit([], scripts: [call], urgent: false) { _, _ in }
        }
        return (vetted, renewed + held.map(\.id))
    }
}

extension ControlState {
    /// So many orders were refused for their signature.
    func countRefused(_ count: Int) {
        shared.withLock {
            $0.status.refused += count
            $0.status.forged += count
        }
    }

    /// True when something with that id is held, a removal too.
    func holds(id: String) -> Bool { shared.withLock { $0.table.held[id] != nil } }

    /// The store is to get these again.
    func owe(_ ids: [String]) {
        guard !ids.isEmpty else { return }
        shared.withLock { shared in
            for id in ids where shared.table.held[id] != nil { shared.table.oweAgain(id) }
        }
    }
}

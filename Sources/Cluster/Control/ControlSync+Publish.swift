internal import Redis
internal import Synchronization
internal import Telemetry

extension ControlSync {
    /// Sends the oldest changes that the store has not acknowledged, unless some are on their way. On the loop.
    func publish(isUrgent: Bool) {
        let now = Self.now(loop)
        let (isFree, doubtful) = core.withLock { core -> (Bool, [ControlEntry]) in
            guard core.isRunning else { return (false, []) }
            guard let old = core.publication else { return (true, []) }
            guard now - old.asked >= ControlSyncMachine.patience else {
                core.wantsPublish = true
                return (false, [])
            }
            core.publication = nil
            return (true, old.entries)
        }
        for entry in doubtful { state.doubt(entry) }
        guard isFree else { return }
        let entries = state.pendingBatch(most: Self.batch, bytes: Self.batchBytes).map(\.entry)
        guard !entries.isEmpty else { return }
        let question = core.withLock { core in
            core.publications += 1
            core.wantsPublish = false
            core.publication = Publication(question: core.publications, asked: now, entries: entries)
            return core.publications
        }
        bus.submit([], scripts: entries.map(call), urgent: isUrgent) { [weak self] _, results in
            self?.onLoop { $0.published(question, results) }
        }
    }

    /// What is on its way is sent again: its answer may have been given before the store lost what it speaks of, and would pass for an
    /// acknowledgment afterwards.
    func abandonPublication() {
        let entries = core.withLock { $0.publication.take()?.entries ?? [] }
        for entry in entries { state.doubt(entry) }
    }

    private func call(_ entry: ControlEntry) -> ScriptCall {
        let (json, signed) = sealed(entry)
        return ScriptCall(
            script: ControlScripts.publish, keys: keys.control,
            arguments: [
                RandomWord.make(), entry.id, String(entry.version), entry.node, json, keys.hints, String(Self.mostFields),
                String(Self.streamLength), signed,
            ], runID: nil)
    }

    private func published(_ question: Int, _ results: [Result<RedisValue, RedisFailure>]) {
        let publication = core.withLock { core in
            guard core.isRunning, core.publication?.question == question else { return nil as Publication? }
            return core.publication.take()
        }
        guard let publication else { return }
        var failure: Result<RedisValue, RedisFailure>?
        var isFull = false
        for (index, entry) in publication.entries.enumerated() {
            let result = index < results.count ? results[index] : nil
            guard case .success(let value)? = result, let parts = value.array, let word = parts.first?.text else {
                failure = result ?? .failure(.timeout)
                state.doubt(entry)
                continue
            }
            switch word {
            case "written", "same":
                guard parts.count == 2, let event = parts[1].text.flatMap(EventID.init) else {
                    failure = result
                    continue
                }
                state.acknowledge(entry, event: event)
            case "older" where parts.count == 2:
                let vetted = vetted([StoredEntry(parts[1], field: entry.id)])
                resolve(entry, with: vetted.values[0])
                state.owe(vetted.owed)
            case "full": isFull = true
            default: failure = result
            }
        }
        if isFull {
            Log.error(
                "the store holds as many entries of the control plane as it may; new ones act on this node only",
                ["fields": Self.mostFields])
        }
        if let failure { report(failure) }
        // What failed is tried again with the next poll, what came in meanwhile or had to be said again now.
        if failure == nil, !isFull { publish(isUrgent: core.withLock { $0.wantsPublish }) }
    }

    /// The store has another change of that entry, which comes later in the order.
    private func resolve(_ entry: ControlEntry, with stored: StoredEntry) {
        // It is taken away already, and this entry is offered again.
        if stored.isRefused { return state.doubt(entry) }
        guard let other = stored.entry else {
            _ = state.overwrite(entry, above: stored.stamp?.version ?? 0)
            return
        }
        if state.restate(entry, above: other.version) { return }
        state.merge([stored])
        // It is out of bounds for this node, and cannot be taken.
        state.giveUp(entry)
    }
}

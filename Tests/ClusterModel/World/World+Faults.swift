internal import Cluster
internal import Shaping

extension World {
    func begin(fault index: Int) {
        let fault = history.faults[index]
        tally.faults[fault.kind, default: 0] += 1
        trace?.note(now, "FAULT \(fault.text)", isImportant: true)
        var lasts = true
        switch fault.kind {
        case .kill:
            guard nodes[fault.node].phase == .up || nodes[fault.node].phase == .paused else { return }
            kill(fault.node)
            if fault.length > 0 { push(.start, at: now + fault.length, node: fault.node) }
            lasts = false
        case .pause: pause(fault.node)
        case .leave:
            leave(fault.node)
            if fault.length > 0 { push(.start, at: now + fault.length, node: fault.node) }
            lasts = false
        case .breakLink:
            if nodes[fault.node].phase == .up, nodes[fault.node].link.isUp { breakLink(fault.node, "broken") }
            lasts = false
        case .partition: nodes[fault.node].partitionedUntil = max(nodes[fault.node].partitionedUntil, now + fault.length)
        case .slow: slowUntil = max(slowUntil, now + fault.length)
        case .clockStep:
            wallOffset = max(0, wallOffset + fault.amount)
            lasts = false
        case .storePause: isStorePaused = true
        case .flush:
            store.flush()
            lasts = false
        case .restart, .restartEmpty:
            guard !isStoreDown, !isUnreachable else { return }
            loseStore()
            isStoreDown = true
        case .failOver:
            guard !isStoreDown, !isUnreachable else { return }
            loseStore()
            isUnreachable = true
        }
        if lasts { push(.faultEnd, at: now + fault.length, node: 0, life: 0, a: index) }
    }

    /// The store's process is dead; every connection to it breaks.
    private func loseStore() {
        run += 1
        runText = "run-\(run)"
        for index in waitingArrivals { finishStore(index, generation: messages[Int(index)].generation) }
        waitingArrivals = []
        isStorePaused = false
        for i in nodes.indices where nodes[i].phase == .up && nodes[i].link.isUp {
            // A node behind a partition hears nothing of it; its next call is lost.
            if now >= nodes[i].partitionedUntil { breakLink(i, "the store closed it") }
        }
    }

    func end(fault index: Int) {
        let fault = history.faults[index]
        trace?.note(now, "END of \(fault.text)", isImportant: true)
        switch fault.kind {
        case .pause: resume(fault.node)
        case .storePause:
            guard isStorePaused else { return }
            isStorePaused = false
            let waiting = waitingArrivals
            waitingArrivals = []
            for index in waiting where violation == nil { process(index) }
        case .restart:
            guard isStoreDown else { return }
            if fault.amount > 0 { store.restore(index) }
            isStoreDown = false
        case .restartEmpty:
            guard isStoreDown else { return }
            store.flush()
            isStoreDown = false
        case .failOver:
            guard isUnreachable else { return }
            store.restore(index)
            // Another machine, another clock.
            wallOffset += random.within(-200, 200) * Time.millisecond
            isUnreachable = false
        case .kill, .leave, .breakLink, .partition, .slow, .clockStep, .flush: break
        }
    }

    func sample(_ event: Event) {
        switch event.b {
        case 1: outageMarks[Int(event.a)].sent = windows[outageMarks[Int(event.a)].limit].total
        case 2:
            let mark = outageMarks[Int(event.a)]
            tally.outages += 1
            if windows[mark.limit].total == mark.sent {
                violate(
                    .outage, "\(history.limits[mark.limit].key.name): nothing was sent since \(Time.text(mark.from)), with the store gone")
            }
        default: sentBefore = windows.map(\.total)
        }
    }

    /// The history is over: what was used?
    func finish() {
        for (k, limit) in history.limits.enumerated() {
            if let spec = limit.spec {
                tally.worstRatio = max(tally.worstRatio, windows[k].worstRatio)
                guard history.measuredFrom > 0, !sentBefore.isEmpty, isWanted(k) else { continue }
                let length = history.duration - history.measuredFrom
                let expected = Double(spec.limit) * Double(length) / Double(spec.periodNanoseconds)
                // The fence posts of short times say nothing.
                guard expected >= 20, spec.limit > RateRule.largestLogged || length >= spec.periodNanoseconds else { continue }
                let use = Double(windows[k].total - sentBefore[k]) / expected
                judge(k, use, peaceful: history.isPeaceful)
            } else {
                usages[k].settle(at: now, from: history.measuredFrom)
                tally.worstCap = max(tally.worstCap, Double(usages[k].most) / Double(max(1, limit.cap)))
                guard history.measuredFrom > 0, isWanted(k) else { continue }
                judge(k, usages[k].mean(over: history.duration - history.measuredFrom) / Double(limit.cap), peaceful: history.isPeaceful)
            }
        }
    }

    private func judge(_ k: Int, _ use: Double, peaceful: Bool) {
        if peaceful {
            tally.uses += 1
            tally.useSum += use
            tally.leastUse = min(tally.leastUse, use)
        } else {
            tally.recoveries += 1
        }
        if use < history.leastUse * attainable(k) {
            violate(
                peaceful ? .utilisation : .recovery,
                "\(history.limits[k].key.name) (\(history.limits[k].text)): \(Tally.percent(use)) used since "
                    + Time.text(history.measuredFrom)
            )
        }
    }

    /// The part of a limit that can be used at all: a strict short window pays for every node that shares it, and a small cap that is
    /// passed round stands idle for a moment each time.
    private func attainable(_ k: Int) -> Double {
        guard let spec = history.limits[k].spec else { return 0.75 }
        if spec.periodNanoseconds >= Time.minute { return 1 }
        return spec.limit <= 200 ? 0.65 : 0.95
    }

    /// Whether the nodes that run wanted all of it.
    private func isWanted(_ k: Int) -> Bool {
        let limit = history.limits[k]
        let running = nodes.indices.filter { nodes[$0].phase == .up && history.nodes[$0].start < history.measuredFrom / 2 }
        guard !running.isEmpty, running.count == nodes.indices.count(where: { nodes[$0].phase == .up }) else { return false }
        if limit.spec == nil {
            return running.map { nodes[$0].pools[k].target }.reduce(0, +) >= limit.cap
        }
        return running.allSatisfy { limit.demand[$0].rate == .infinity && limit.demand[$0].style == .early || limit.demand[$0].rate == 0 }
            && running.contains { limit.demand[$0].rate == .infinity }
    }
}

/// A time in an outage during which something must be sent. *Value.*
struct OutageMark {
    let limit: Int
    let from: Int64
    let to: Int64
    var sent = 0

    /// Those of a history: long outages of the store's process, while nothing else goes wrong.
    static func all(of history: History) -> [OutageMark] {
        guard history.hasShares else { return [] }
        let s = history.settings
        let handOver = s.heartbeatTimeout + s.slowestReply + s.rateTTL + s.heartbeat + 2 * Time.second
        let settled = s.freshQuiet + 3 * s.heartbeat + 2 * Time.second
        guard history.lossChance == 0, history.slowChance == 0, let fault = history.faults.first, fault.isOutage,
            history.faults.allSatisfy({ $0 == fault || $0.at > fault.at + fault.length || $0.kind == .clockStep && $0.at > fault.at })
        else { return [] }
        let lasting = history.nodes.indices.filter { history.nodes[$0].start + settled < fault.at }
        guard !lasting.isEmpty else { return [] }
        return history.limits.indices.compactMap { k in
            let limit = history.limits[k]
            guard let spec = limit.spec, lasting.contains(where: { limit.demand[$0].rate == .infinity }) else { return nil }
            // A logged limit begins a whole period after the store was lost.
            let wait = spec.limit <= RateRule.largestLogged ? spec.periodNanoseconds : 0
            let (from, to) = (fault.at + handOver + wait, min(fault.at + fault.length, history.duration))
            // Every node has at least an even share; a few sends must be due to it. Less than one per period is none: all might come
            // at once.
            guard to > from, spec.limit > history.nodes.count else { return nil }
            let due = Double(spec.limit) * Double(to - from) / Double(spec.periodNanoseconds) / Double(history.nodes.count)
            return due >= 10 ? OutageMark(limit: k, from: from, to: to) : nil
        }
    }
}

internal import Cluster
internal import Shaping

extension World {
    /// Adds to the connections under a cap; more than the cap is a broken promise.
    func count(_ k: Int, _ change: Int, by i: Int) {
        usages[k].change(by: change, at: now, from: history.measuredFrom)
        if usages[k].now > history.limits[k].cap, history.isChecked {
            let held = nodes.indices.filter { nodes[$0].phase == .up && k < nodes[$0].pools.count }
                .map { "\($0): \(nodes[$0].pools[k].connections.count)" }
            violate(
                .connections,
                "\(history.limits[k].key.name): \(usages[k].now) of \(history.limits[k].cap), the last by node \(i); by node: "
                    + held.joined(separator: ", "))
        }
    }

    /// A pool looks whether it wants more connections, or fewer permits.
    func lookPool(_ i: Int, _ k: Int) {
        let limit = history.limits[k]
        let b = bucket(k)
        let now = local(i)
        var next = now + 200 * Time.millisecond
        if history.isLively, random.chance(0.02) { nodes[i].pools[k].target = random.within(0, Int(min(limit.demand[i].rate, 1000))) }
        let wanted = nodes[i].pools[k].target - nodes[i].pools[k].connections.count
        if wanted > nodes[i].pools[k].free {
            switch agents[i][b].leasePermits(limit.key, limit: limit.cap, want: wanted - nodes[i].pools[k].free, now: now) {
            case .permits(let n):
                nodes[i].pools[k].free += n
                trace?.note(self.now, "node \(i) takes \(n) permits of \(limit.key.name)")
            case .retry(let at):
                scheduleTick(i, at: max(now, nodes[i].lastWrite + history.tick))
                next = min(next, max(at, now + 5 * Time.millisecond))
            }
            noteHunger(i, k)
        }
        if nodes[i].pools[k].free > 0 {
            let terms = agents[i][b].permitTerms(limit.key, now: now)
            if terms.recall > 0 || now >= terms.startBy || wanted <= 0 && (!history.isLively || random.chance(0.3)) {
                let back = terms.recall > 0 && now < terms.startBy ? min(terms.recall, nodes[i].pools[k].free) : nodes[i].pools[k].free
                nodes[i].pools[k].free -= back
                agents[i][b].returnPermits(limit.key, count: back, now: now)
                trace?.note(self.now, "node \(i) returns \(back) permits of \(limit.key.name)")
            }
            for _ in 0..<max(0, min(wanted, nodes[i].pools[k].free)) where violation == nil && now < terms.startBy { open(i, k) }
        }
        push(.pool, at: nodes[i].clock.moment(of: next), node: i, a: k)
    }

    private func noteHunger(_ i: Int, _ k: Int) {
        let hasSome = nodes[i].pools[k].free > 0 || !nodes[i].pools[k].connections.isEmpty
        if hasSome, let since = nodes[i].pools[k].hungrySince {
            nodes[i].pools[k].hungrySince = nil
            tally.longestWait = max(tally.longestWait, now - since)
        } else if !hasSome, nodes[i].pools[k].hungrySince == nil {
            nodes[i].pools[k].hungrySince = now
        }
    }

    private func open(_ i: Int, _ k: Int) {
        nodes[i].pools[k].free -= 1
        nodes[i].pools[k].nextID += 1
        let id = nodes[i].pools[k].nextID
        let holds =
            !history.isLively
            ? 30 * Time.second
            : random.chance(0.5) ? random.within(Time.second, 20 * Time.second) : random.spread(50 * Time.millisecond, 5 * Time.second)
        nodes[i].pools[k].connections.append(ModelConnection(id: id, retires: local(i) + holds))
        tally.connections += 1
        trace?.note(now, "node \(i) opens connection \(id) of \(history.limits[k].key.name)")
        count(k, 1, by: i)
        let opening = random.chance(0.05) ? random.within(0, 5 * Time.second) : random.within(Time.millisecond, 50 * Time.millisecond)
        push(.connection, at: now + opening, node: i, a: k, b: Int(id))
        watch(i, k)
    }

    /// A connection closes; its permit goes back, or stays with the node for the next.
    func close(_ i: Int, _ k: Int, _ id: Int32, returning: Bool) {
        guard let place = nodes[i].pools[k].connections.firstIndex(where: { $0.id == id }) else { return }
        nodes[i].pools[k].connections.remove(at: place)
        trace?.note(now, "node \(i) closes connection \(id) of \(history.limits[k].key.name)\(returning ? "" : ", keeps the permit")")
        if nodes[i].phase == .up { count(k, -1, by: i) }
        if returning {
            agents[i][bucket(k)].returnPermits(history.limits[k].key, count: 1, now: local(i))
        } else {
            nodes[i].pools[k].free += 1
        }
    }

    /// A connection is open, or at the end of a transaction.
    func step(_ i: Int, _ k: Int, connection id: Int32) {
        guard let place = nodes[i].pools[k].connections.firstIndex(where: { $0.id == id }) else { return }
        let now = local(i)
        nodes[i].pools[k].connections[place].isOpening = false
        let terms = agents[i][bucket(k)].permitTerms(history.limits[k].key, now: now)
        let isTooMany = nodes[i].pools[k].connections.count > nodes[i].pools[k].target
        if now >= terms.closeBy && !defects.contains(.staleLease) { return close(i, k, id, returning: true) }
        if terms.recall > 0, agents[i][bucket(k)].claimRecall(history.limits[k].key) {
            trace?.note(self.now, "node \(i) obeys the recall of \(terms.recall)")
            return close(i, k, id, returning: true)
        }
        if isTooMany || now >= nodes[i].pools[k].connections[place].retires {
            return close(i, k, id, returning: isTooMany || history.isLively && random.chance(0.5))
        }
        if now < terms.startBy, random.chance(0.8) {
            tally.transactions += 1
            agents[i][bucket(k)].noteTransactions(history.limits[k].key, count: 1)
            push(.connection, at: self.now + random.within(Time.millisecond, 500 * Time.millisecond), node: i, a: k, b: Int(id))
        } else {
            push(.connection, at: self.now + random.within(10 * Time.millisecond, 300 * Time.millisecond), node: i, a: k, b: Int(id))
        }
    }

    /// The lease's end closes everything that stands on it.
    func watch(_ i: Int, _ k: Int) {
        let pool = nodes[i].pools[k]
        guard history.limits[k].spec == nil, !pool.connections.isEmpty || pool.free > 0, !defects.contains(.staleLease) else { return }
        let now = local(i)
        let terms = agents[i][bucket(k)].permitTerms(history.limits[k].key, now: now)
        let closeBy = terms.closeBy
        if terms.excess > 0 {
            trace?.note(self.now, "node \(i) has \(terms.excess) too many of \(history.limits[k].key.name)")
            for connection in pool.connections.prefix(terms.excess) { close(i, k, connection.id, returning: true) }
        }
        if closeBy == .max { return }
        if now >= closeBy {
            trace?.note(self.now, "node \(i) closes \(pool.connections.count) of \(history.limits[k].key.name): its lease has ended")
            for connection in nodes[i].pools[k].connections { close(i, k, connection.id, returning: true) }
            if pool.free > 0 {
                nodes[i].pools[k].free = 0
                agents[i][bucket(k)].returnPermits(history.limits[k].key, count: pool.free, now: now)
            }
            return
        }
        let at = nodes[i].clock.moment(of: closeBy)
        if pool.nextWatch <= self.now || at < pool.nextWatch {
            nodes[i].pools[k].nextWatch = at
            push(.watch, at: at, node: i, a: k)
        }
    }
}

internal import Cluster
internal import Shaping

extension World {
    /// How long a message is on its way now.
    func delay() -> Int64 {
        if now < slowUntil || history.slowChance > 0 && random.chance(history.slowChance) {
            return random.chance(0.05) ? random.within(Time.second, Time.minute) : random.spread(20 * Time.millisecond, 5 * Time.second)
        }
        return random.within(history.delay / 20, history.delay)
    }

    /// When a message of that node arrives, or nil when it is lost.
    func passage(_ i: Int) -> Int64? {
        if now < nodes[i].partitionedUntil {
            // TCP repeats what was not acknowledged: half of it comes through when the network is back.
            return random.chance(0.5) ? nil : nodes[i].partitionedUntil + random.within(0, Time.second)
        }
        if history.lossChance > 0, random.chance(history.lossChance) { return nil }
        return now + delay()
    }

    /// What the driver does every tick: one write with what is due of all buckets.
    func pump(_ i: Int) {
        let now = local(i)
        let earliest = nodes[i].lastWrite + history.tick
        guard now >= earliest else { return scheduleTick(i, at: earliest) }
        if now >= nodes[i].notesAt {
            nodes[i].disk = nodes[i].epochs
            nodes[i].notesAt = now + history.settings.shareTTL / 6
        }
        var wrote = false
        for b in agents[i].indices {
            guard nodes[i].link.isUp else {
                if nodes[i].link.isRefused { agents[i][b].storeIsGone(now: nodes[i].link.refusedAt) }
                continue
            }
            guard let request = agents[i][b].request(now: now, runID: text(run: nodes[i].link.run)) else { continue }
            wrote = true
            send(i, b, request.sequence, request.keys, request.arguments)
        }
        if wrote {
            nodes[i].lastWrite = now
            nodes[i].roundTrips += 1
            tally.roundTrips += 1
        }
        scheduleTick(i, at: now + history.tick / 2)
        for k in nodes[i].pools.indices where !nodes[i].pools[k].connections.isEmpty || nodes[i].pools[k].free > 0 { watch(i, k) }
    }

    func text(run: Int) -> String { run == self.run ? runText : "run-\(run)" }

    func scheduleTick(_ i: Int, at reading: Int64) {
        let time = nodes[i].clock.moment(of: reading)
        guard time < nodes[i].nextTick else { return }
        nodes[i].nextTick = max(time, now)
        push(.tick, at: time, node: i)
    }

    func send(_ i: Int, _ b: Int, _ sequence: Int64, _ keys: [String], _ arguments: [String]) {
        let index: Int32
        if let free = freeMessages.popLast() {
            index = free
        } else {
            index = Int32(messages.count)
            messages.append(Message())
        }
        let m = Int(index)
        let generation = messages[m].generation &+ 1
        messages[m] = Message(
            generation: generation, node: i, bucket: b, life: nodes[i].life, link: nodes[i].link.generation, run: nodes[i].link.run,
            sequence: sequence, knownEpoch: nodes[i].epochs[b] ?? 0, keys: keys, arguments: arguments)
        nodes[i].inFlight.append(index)
        tally.calls += 1
        push(.deadline, at: nodes[i].clock.moment(of: local(i) + 100 * Time.millisecond), node: i, a: m, b: Int(generation))
        if let arrival = passage(i) {
            let time = max(arrival, nodes[i].link.lastArrival)
            nodes[i].link.lastArrival = time
            push(.arrival, at: time, node: i, a: m, b: Int(generation))
            trace?.note(now, "node \(i) calls, \(sequence), arrives \(Time.text(time)): \(arguments.joined(separator: " "))")
        } else {
            messages[m].isStoreDone = true
            trace?.note(now, "node \(i) calls, \(sequence), lost: \(arguments.joined(separator: " "))")
        }
    }

    /// The request is at the store.
    func arrive(_ index: Int32, generation: Int32) {
        let m = Int(index)
        guard messages[m].generation == generation else { return }
        guard !isStoreDown, messages[m].run == run else { return finishStore(index, generation: generation) }
        if isStorePaused {
            waitingArrivals.append(index)
        } else {
            process(index)
        }
    }

    /// The store's wall clock in microseconds.
    var wallMicros: Int64 { 1_760_000_000_000_000 + (now + now * history.storePPM / 1_000_000 + wallOffset) / 1000 }

    func process(_ index: Int32) {
        let m = Int(index)
        do {
            messages[m].reply = try store.call(messages[m].keys, messages[m].arguments, micros: wallMicros)
        } catch {
            return violate(.script, error.text)
        }
        messages[m].keys = []
        messages[m].arguments = []
        let i = messages[m].node
        if messages[m].reply.count > 7 {
            memory.heard(
                messages[m].knownEpoch, now: messages[m].reply[1], listens: messages[m].reply[7] * 1000, quiet: history.settings.freshQuiet,
                at: now)
        }
        trace?.note(now, "store answers node \(i), \(messages[m].sequence): \(messages[m].reply.map(String.init).joined(separator: " "))")
        if let arrival = passage(i) {
            var time = arrival
            if messages[m].link == nodes[i].link.generation {
                time = max(arrival, nodes[i].link.lastReply)
                nodes[i].link.lastReply = time
            }
            push(.reply, at: time, node: i, life: messages[m].life, a: m, b: Int(messages[m].generation))
        } else {
            finishStore(index, generation: messages[m].generation)
        }
    }

    func finishStore(_ index: Int32, generation: Int32) {
        let m = Int(index)
        guard messages[m].generation == generation else { return }
        messages[m].isStoreDone = true
        release(m)
    }

    func finishNode(_ m: Int) {
        messages[m].isNodeDone = true
        release(m)
    }

    private func release(_ m: Int) {
        guard messages[m].isStoreDone, messages[m].isNodeDone else { return }
        messages[m].generation &+= 1
        messages[m].isStoreDone = false
        freeMessages.append(Int32(m))
    }

    /// The reply is at the node.
    func deliver(_ index: Int32, generation: Int32) {
        let m = Int(index)
        guard messages[m].generation == generation else { return }
        let i = messages[m].node
        guard let place = nodes[i].inFlight.firstIndex(of: index), messages[m].link == nodes[i].link.generation else {
            return finishStore(index, generation: generation)
        }
        nodes[i].inFlight.remove(at: place)
        nodes[i].link.attempts = 0
        let reply = messages[m].reply
        messages[m].reply = []
        messages[m].isStoreDone = true
        let (b, sequence) = (messages[m].bucket, messages[m].sequence)
        finishNode(m)
        trace?.note(now, "node \(i) has the answer to \(sequence)")
        if reply.count > 1 { nodes[i].epochs[b] = reply[1] }
        agents[i][b].received(reply, sequence: sequence, now: local(i))
        // What is kept unused is wanted by others, and what is too much closes at once.
        for key in agents[i][b].scarce {
            guard let k = nodes[i].pools.indices.first(where: { history.limits[$0].key == key }), nodes[i].pools[k].free > 0 else {
                continue
            }
            agents[i][b].returnPermits(key, count: nodes[i].pools[k].free, now: local(i))
            nodes[i].pools[k].free = 0
        }
        for k in nodes[i].pools.indices where bucket(k) == b { watch(i, k) }
    }

    /// 100 ms have passed since the request was written.
    func deadline(_ index: Int32, generation: Int32) {
        let m = Int(index)
        guard messages[m].generation == generation, nodes[messages[m].node].inFlight.contains(index) else { return }
        breakLink(messages[m].node, "no answer to \(messages[m].sequence)")
    }

    /// The connection is gone, and all that waited on it has failed.
    func breakLink(_ i: Int, _ reason: String) {
        trace?.note(now, "node \(i) loses its connection: \(reason)")
        nodes[i].link.isUp = false
        nodes[i].link.generation &+= 1
        nodes[i].link.lastArrival = 0
        nodes[i].link.lastReply = 0
        let failed = nodes[i].inFlight
        nodes[i].inFlight = []
        for index in failed {
            let m = Int(index)
            agents[i][messages[m].bucket].failed(
                sequence: messages[m].sequence, now: local(i))
            finishNode(m)
        }
        reconnect(i)
    }

    func reconnect(_ i: Int) {
        let longest = min(2 * Time.second, 50 * Time.millisecond << Int64(min(6, nodes[i].link.attempts)))
        nodes[i].link.attempts += 1
        push(.connected, at: now + random.within(Time.millisecond, longest), node: i, a: Int(Int32(bitPattern: nodes[i].link.generation)))
    }

    /// An attempt to connect ends.
    func connect(_ i: Int, generation: UInt32) {
        guard generation == nodes[i].link.generation, !nodes[i].link.isUp else { return }
        if now < nodes[i].partitionedUntil || isUnreachable || isStorePaused {
            nodes[i].link.isRefused = false
            return reconnect(i)
        }
        if isStoreDown {
            if !nodes[i].link.isRefused { trace?.note(now, "node \(i) is refused: the store is gone") }
            nodes[i].link.isRefused = true
            nodes[i].link.refusedAt = local(i)
            return reconnect(i)
        }
        nodes[i].link.isRefused = false
        nodes[i].link.isUp = true
        nodes[i].link.run = run
        trace?.note(now, "node \(i) is connected to \(runText)")
        scheduleTick(i, at: local(i))
    }
}

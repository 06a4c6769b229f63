internal import Cluster
internal import Shaping

extension World {
    /// The sender of a rate looks: asks, sends, plans.
    func lookRate(_ i: Int, _ k: Int) {
        guard let spec = history.limits[k].spec else { return }
        let demand = history.limits[k].demand[i]
        let now = local(i)
        let b = bucket(k)
        let key = history.limits[k].key
        var next = now + Time.second
        var sender = nodes[i].rates[k]
        var asked = 0
        steps: for _ in 0..<256 {
            let before = sender.held.count
            if !defects.contains(.lateSpender) { sender.held.dropClosed(now) }
            if sender.held.count != before { sender.planned = nil }
            if sender.held.count == 0, sender.following.count > 0 {
                sender.held = sender.following
                sender.following = HeldSlots()
                sender.planned = nil
                continue
            }
            guard demand.rate == .infinity || sender.nextMail <= now else {
                next = sender.nextMail
                // What is not needed may go back.
                if history.isLively, sender.held.count > 0, sender.nextMail > now + 200 * Time.millisecond, random.chance(0.5) {
                    agents[i][b].returnRate(key, spec: spec, slots: sender.held.slots, now: now)
                    sender.held = HeldSlots()
                    sender.planned = nil
                }
                break
            }
            if sender.held.count == 0 {
                asked += 1
                guard asked < 4 else {
                    next = now + 5 * Time.millisecond
                    break
                }
                switch ask(i, k, spec, demand) {
                case .slots(let slots):
                    sender.held = HeldSlots(slots)
                    sender.planned = nil
                    continue
                case .retry(let at):
                    scheduleTick(i, at: max(now, nodes[i].lastWrite + history.tick))
                    next = min(max(at, now + Time.millisecond), now + Time.second)
                    break steps
                }
            }
            let planned = sender.planned ?? plan(sender.held, demand.style, now)
            sender.planned = planned
            guard planned <= now else {
                next = planned
                break
            }
            let open = sender.held.open(now)
            guard open > 0 else {
                sender.planned = nil
                next = sender.held.firstOpen
                break
            }
            var count = demand.style == .bursts || sender.held.interval == 0 ? open : 1
            if demand.style == .early, sender.held.interval < Time.millisecond { count = open }
            if demand.rate != .infinity { count = 1 }
            sender.held.drop(count)
            sender.planned = nil
            record(i, k, count)
            guard violation == nil else { break }
            if demand.rate != .infinity {
                let gap = Double(Time.second) / demand.rate
                sender.nextMail = max(sender.nextMail, now - Time.second) + Int64(gap * (0.2 + 1.6 * Double(random.within(0, 1000)) / 1000))
            }
            if history.isLively, sender.held.count > 0, sender.held.count * 2 <= demand.want, sender.following.count == 0,
                random.chance(0.3)
            {
                if case .slots(let slots) = ask(i, k, spec, demand) { sender.following = HeldSlots(slots) }
            }
        }
        nodes[i].rates[k] = sender
        // A fast sender is looked at in steps, or each send would be an event of its own.
        if demand.rate == .infinity, spec.limit > 500 { next = max(next, now + 2 * Time.millisecond) }
        push(.rate, at: max(nodes[i].clock.moment(of: next), self.now + 1), node: i, a: k)
    }

    private func ask(_ i: Int, _ k: Int, _ spec: ThrottleSpec, _ demand: History.Demand) -> RateLease {
        let want = history.isLively ? random.within(1, demand.want) : demand.want
        let lease = agents[i][bucket(k)].leaseRate(history.limits[k].key, spec: spec, want: want, now: local(i))
        if trace != nil, case .slots(let slots) = lease {
            trace?.note(
                now,
                "node \(i) takes \(slots.count) of \(history.limits[k].key.name), open \(Time.text(slots.firstOpen - local(i))) from now "
                    + "for \(Time.text(slots.tolerance)), every \(Double(slots.interval) / 1e6) ms")
        }
        return lease
    }

    private func plan(_ held: HeldSlots, _ style: History.Style, _ now: Int64) -> Int64 {
        let open = max(now, held.firstOpen)
        if defects.contains(.lateSpender), random.chance(0.3) { return open + random.within(0, 2 * Time.second) }
        switch style {
        case .early: return open
        case .late, .bursts: return max(open, held.firstClose)
        case .anywhere: return random.within(open, max(open, held.firstClose))
        }
    }

    private func record(_ i: Int, _ k: Int, _ count: Int) {
        nodes[i].rates[k].sends += count
        nodes[i].sends[k] += count
        tally.sends += count
        trace?.note(now, "node \(i) sends \(count) of \(history.limits[k].key.name)")
        if !windows[k].add(count, at: now), history.isChecked {
            let limit = history.limits[k]
            violate(.rate, "\(limit.key.name): \(windows[k].worst) sends in a window of a limit of \(limit.text), the last by node \(i)")
        }
    }
}

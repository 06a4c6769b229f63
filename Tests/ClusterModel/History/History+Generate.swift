package import Cluster
import Shaping

extension History {
    /// What histories are about.
    package enum Subject: String, Sendable, CaseIterable { case rates, connections, all }

    /// A history of that seed.
    /// - Parameters:
    ///   - only: the faults that may happen; nil = all.
    package static func generate(seed: UInt64, subject: Subject, only: Set<Fault.Kind>? = nil) -> History {
        var random = Seeded(seed)
        let isFullScale = random.chance(0.02)
        var settings = isFullScale ? ClusterSettings() : shortSettings
        settings.buckets = 1
        settings.storeLoss = .closed
        if random.chance(0.2) { settings.crashHold = random.within(100, 3000) * Time.millisecond }
        let duration = isFullScale ? random.within(20, 90) * Time.second : random.within(4, 10) * Time.second
        let count = random.chance(0.7) ? random.within(2, 3) : random.within(2, 8)
        let nodes = (0..<count).map { i in
            Node(
                start: i == 0 || random.chance(0.7) ? random.within(0, Time.second / 2) : random.within(0, duration * 2 / 3),
                ppm: random.within(-300, 300), offset: random.within(Int64(0), 1_000_000) * Time.second / 7)
        }
        var history = History(
            seed: random.next(), duration: duration, settings: settings, nodes: nodes, limits: [],
            delay: random.pick([200_000, 2 * Time.millisecond, 15 * Time.millisecond, 30 * Time.millisecond]))
        history.storePPM = random.within(-300, 300)
        if random.chance(0.3) { history.slowChance = random.pick([0.005, 0.05, 0.2]) }
        if random.chance(0.3) { history.lossChance = random.pick([0.005, 0.05, 0.2]) }
        history.tick = random.pick([100, 100, 100, 100, 50]) * Time.millisecond
        history.limits = limits(subject, nodes: count, isFullScale: isFullScale, &random)
        switch random.within(0, 99) {
        case 0..<5: history.makePeaceful(&random)
        case 5..<9 where only == nil: history.makeOutage(&random)
        case 9..<13:
            history.faults = faults(random.within(1, 2), in: history, only: only, &random)
            history.makeRecovery()
        default:
            history.faults = faults(random.within(0, 5), in: history, only: only, &random)
        }
        history.faults.sort { $0.at < $1.at }
        return history
    }

    /// The settings of the product with its long times made short: what takes minutes there takes seconds.
    package static var shortSettings: ClusterSettings {
        var settings = ClusterSettings()
        settings.heartbeat = 400 * Time.millisecond
        settings.heartbeatTimeout = 1200 * Time.millisecond
        settings.shareTTL = 8 * Time.second
        settings.permitTTL = 4 * Time.second
        settings.permitMargin = 1000 * Time.millisecond
        settings.closeMargin = 400 * Time.millisecond
        settings.permitRefresh = 1200 * Time.millisecond
        settings.permitIdle = 700 * Time.millisecond
        settings.freshQuiet = 1500 * Time.millisecond
        settings.quantum = 2 * Time.second
        settings.quantumMessages = 30
        return settings
    }

    private static let specs: [(limit: Int, seconds: Int64)] = [
        (5, 1), (10, 1), (1, 1), (3, 2), (100, 1), (100, 1), (200, 1), (1000, 1), (64, 60), (10, 60), (100, 60), (6000, 60), (900, 60),
        (300, 5), (30, 5), (5000, 1), (65, 1), (70, 10),
    ]

    private static func limits(_ subject: Subject, nodes: Int, isFullScale: Bool, _ random: inout Seeded) -> [Limit] {
        let count = random.chance(0.7) ? 1 : random.within(1, 3)
        return (0..<count).map { k in
            let isRate = subject == .rates || subject == .all && random.chance(0.5)
            guard isRate else {
                let cap = random.chance(0.4) ? random.within(1, 3) : random.within(1, 24)
                let demand = (0..<nodes).map { _ in
                    Demand(rate: random.chance(0.1) ? 0 : Double(random.chance(0.25) ? random.within(1, 3) : random.within(1, 24)))
                }
                return Limit(key: LimitKey(name: "cap\(k)"), spec: nil, cap: cap, demand: demand)
            }
            var (limit, seconds) = random.pick(specs)
            if limit > 500, isFullScale || random.chance(0.5) { (limit, seconds) = random.pick([(100, 1), (6000, 60)]) }
            let spec = ThrottleSpec(
                limit: limit, periodNanoseconds: seconds * Time.second, maxBurst: random.chance(0.1) ? random.within(1, limit) : nil)
            let demand = (0..<nodes).map { _ in
                Demand(
                    rate: random.chance(0.1) ? 0 : random.chance(0.25) ? Double(random.within(1, 40)) / 4 : .infinity,
                    style: random.pick(Style.allCases), want: random.pick([1, 2, 8, 32, 64]))
            }
            return Limit(key: LimitKey(name: "rate\(k)"), spec: spec, cap: 0, demand: demand)
        }
    }

    private static func faults(
        _ count: Int, in history: History, only: Set<Fault.Kind>?, _ random: inout Seeded
    ) -> [Fault] {
        let kinds = Fault.Kind.allCases.filter { only?.contains($0) ?? true }
        guard !kinds.isEmpty else { return [] }
        let s = history.settings
        let longest = max(s.permitTTL, s.shareTTL) * 5 / 4
        // Half the time misfortunes come together.
        let moment = random.chance(0.5) ? random.within(history.duration / 8, history.duration * 5 / 8) : nil
        return (0..<count).map { _ in
            let at = moment.map { $0 + random.spread(Time.millisecond, 4 * Time.second) * (random.chance(0.5) ? 1 : -1) }
            let node = random.within(0, history.nodes.count - 1)
            var fault = Fault(
                random.pick(kinds), at: max(0, at ?? random.within(0, history.duration * 7 / 8)),
                length: random.spread(20 * Time.millisecond, longest), node: node)
            if random.chance(0.4) {
                // About as long as one of the times that matter.
                fault.length =
                    random.pick([s.permitTTL, s.permitTTL, s.heartbeatTimeout + s.rateTTL, s.shareTTL]) * random.within(6, 15) / 10
            }
            switch fault.kind {
            case .kill, .leave:
                fault.length = random.chance(0.3) ? 0 : min(fault.length, random.spread(Time.millisecond, 4 * Time.second))
            case .pause: break
            case .breakLink, .flush: fault.length = 0
            case .clockStep:
                fault.length = 0
                fault.amount = random.spread(Time.millisecond, 5 * Time.hour) * (random.chance(0.5) ? -1 : 1)
            case .storePause: fault.length = min(fault.length, 8 * Time.second)
            case .slow: fault.length = random.spread(100 * Time.millisecond, 8 * Time.second)
            case .partition, .restartEmpty: break
            case .restart, .failOver:
                fault.amount = random.chance(0.2) && fault.kind == .restart ? 0 : random.spread(5 * Time.millisecond, 6 * Time.second)
                if fault.kind == .failOver { fault.length = random.spread(Time.millisecond, 6 * Time.second) }
            }
            return fault
        }
    }

    /// Nothing goes wrong, and everybody wants all there is: then nearly all of it must be used.
    private mutating func makePeaceful(_ random: inout Seeded) {
        slowChance = 0
        lossChance = 0
        isLively = false
        tick = 100 * Time.millisecond
        delay = min(delay, 15 * Time.millisecond)
        let areAll = random.chance(0.6)
        for k in limits.indices {
            for i in nodes.indices {
                nodes[i].start = random.within(0, Time.second / 2)
                limits[k].demand[i] =
                    limits[k].spec == nil
                    ? Demand(rate: Double(limits[k].cap))
                    : Demand(rate: areAll || i == 0 ? .infinity : 0, style: .early, want: (limits[k].spec?.limit ?? 0) > 500 ? 64 : 8)
            }
        }
        measuredFrom = settings.freshQuiet + 4 * Time.second
        let longest = limits.compactMap { $0.spec?.periodNanoseconds }.max() ?? 0
        duration = measuredFrom + max(8 * Time.second, longest <= 10 * Time.second ? longest : 0)
        leastUse = 0.9
    }

    /// The store's process is gone for long, and nothing else happens: traffic goes on.
    private mutating func makeOutage(_ random: inout Seeded) {
        slowChance = 0
        lossChance = 0
        for i in nodes.indices where random.chance(0.8) { nodes[i].start = random.within(0, Time.second / 2) }
        for k in limits.indices {
            for i in nodes.indices where random.chance(0.8) && limits[k].spec != nil { limits[k].demand[i].rate = .infinity }
        }
        let at = settings.freshQuiet + 6 * Time.second + random.within(0, 3 * Time.second)
        let length = random.within(6, 24) * Time.second
        let isEmpty = random.chance(0.5)
        faults = [
            Fault(isEmpty ? .restartEmpty : .restart, at: at, length: length, amount: isEmpty ? 0 : random.spread(0, 4 * Time.second))
        ]
        duration = at + length + random.within(2, 12) * Time.second
    }

    /// After the last fault the limits must come back.
    private mutating func makeRecovery() {
        slowChance = 0
        lossChance = 0
        isLively = false
        delay = min(delay, 15 * Time.millisecond)
        for k in limits.indices {
            for i in nodes.indices {
                limits[k].demand[i] = limits[k].spec == nil ? Demand(rate: Double(limits[k].cap)) : Demand(rate: .infinity, want: 8)
            }
        }
        let end = faults.map { $0.at + $0.length }.max() ?? 0
        let longest = limits.compactMap { $0.spec?.periodNanoseconds }.max() ?? 0
        let quiet = max(settings.shareTTL, settings.permitTTL) + settings.crashHold + settings.heartbeatTimeout + settings.freshQuiet
        measuredFrom = max(end, nodes.map(\.start).max() ?? 0) + quiet * 3 / 2 + min(longest, 10 * Time.second) + 4 * Time.second
        duration = measuredFrom + 6 * Time.second
        leastUse = 0.4
    }
}

import Cluster
import Shaping

/// Many nodes with full demand and nothing that fails. *Thread-confined.* Only pairs of node and limit that are in use take memory.
final class Fleet {
    private struct Sender {
        let node: Int
        let limit: Int
        var held = HeldSlots()
        var sent = 0
        var sentBefore = 0
    }
    private struct Limit {
        let key: LimitKey
        let spec: ThrottleSpec
        let bucket: Int
        var window: RateWindow
        var senders: [Int] = []
    }
    private struct Call {
        var node = 0
        var bucket = 0
        var sequence: Int64 = 0
        var keys: [String] = []
        var arguments: [String] = []
        var answer: [Int64] = []
        var link = 0
    }

    /// How many limits every node wants.
    let hot: Int
    private let store: FakeStore
    private let settings: ClusterSettings
    private var random: Seeded
    private var queue = EventQueue()
    private var now: Int64 = 0
    private var agents: [[BucketAgent]] = []
    private var clocks: [SteadyClock] = []
    private var isAlive: [Bool] = []
    private var lastWrite: [Int64] = []
    private var nextTick: [Int64] = []
    private var senders: [Sender] = []
    private var limits: [Limit] = []
    private var calls: [Call] = []
    private var freeCalls: [Int] = []
    private var roundTrips = 0
    private var lateReplies = 0
    private var before = (calls: 0, trips: 0, spent: Int64(0), sends: 0, bytes: 0)
    /// Sends on hot limits by tenth of a second.
    private var tenths: [Int] = []

    private static let hotSpecs = [
        (60_000, Time.minute), (6000, Time.minute), (5000, Time.second), (600, Time.minute),
    ]
    private static let otherSpecs = [
        (600, Time.minute), (100, Time.minute), (10, Time.second), (1000, Time.minute), (3000, Time.hour), (20, Time.minute),
    ]

    init(_ size: ScaleSimulation, store: FakeStore) {
        self.store = store
        settings = size.settings
        random = Seeded(size.seed)
        hot = min(size.limits, 8)
        tenths = Array(repeating: 0, count: (size.seconds + 120) * 10)
        for i in 0..<size.nodes {
            clocks.append(SteadyClock(ppm: random.within(-300, 300), offset: random.within(Int64(0), 1_000_000) * Time.second))
            agents.append(
                (0..<settings.buckets).map {
                    BucketAgent(settings, bucket: $0, node: "node-\(i)", incarnation: UInt64(i * 100 + $0 + 1), rememberedEpoch: 0)
                })
            isAlive.append(true)
            lastWrite.append(.min / 4)
            nextTick.append(.max)
            push(.start, random.within(0, Time.second), i)
        }
        for k in 0..<size.limits {
            let (limit, period) = k < hot ? Self.hotSpecs[k % Self.hotSpecs.count] : Self.otherSpecs[k % Self.otherSpecs.count]
            let key = LimitKey(name: "limit-\(k)")
            var entry = Limit(
                key: key, spec: ThrottleSpec(limit: limit, periodNanoseconds: period),
                bucket: BucketKey.bucket(of: key, buckets: settings.buckets), window: RateWindow(limit: limit, period: period))
            // A limit of one source at one provider is in use on a few nodes; a provider's own on all of them.
            let users = k < hot ? Array(0..<size.nodes) : (0..<3).map { _ in random.within(0, size.nodes - 1) }
            for node in Set(users).sorted() {
                entry.senders.append(senders.count)
                push(.rate, random.within(Time.second, 2 * Time.second), senders.count)
                senders.append(Sender(node: node, limit: k))
            }
            limits.append(entry)
        }
    }

    private func push(_ kind: Event.Kind, _ time: Int64, _ a: Int, _ b: Int = 0) {
        queue.push(Event(time: max(now, time), kind: kind, node: 0, life: 0, a: Int32(a), b: Int32(b)))
    }

    /// Runs on to that time.
    func advance(to end: Int64, _ progress: (String) -> Void) {
        var shown = Instants.now()
        while let event = queue.next, event.time <= end {
            queue.pop()
            now = event.time
            perform(event)
            if Instants.now() - shown > 2 * Time.second {
                shown = Instants.now()
                progress(
                    "\(Time.text(now)) of virtual time, \(Tally.grouped(store.calls)) calls, "
                        + "\(Tally.grouped(senders.reduce(0) { $0 + $1.sent })) sends"
                )
            }
        }
        now = end
    }

    private func perform(_ event: Event) {
        let a = Int(event.a)
        switch event.kind {
        case .start: tick(a)
        case .tick:
            guard event.time == nextTick[a] else { return }
            nextTick[a] = .max
            tick(a)
        case .rate: look(a)
        case .arrival:
            do {
                let micros = 1_760_000_000_000_000 + now / 1000
                calls[a].answer = try store.call(calls[a].keys, calls[a].arguments, micros: micros)
            } catch {
                fatalError("the script failed: \(error.text)")
            }
            calls[a].keys = []
            calls[a].arguments = []
            push(.reply, now + delay(), a)
        case .reply:
            let call = calls[a]
            calls[a] = Call()
            freeCalls.append(a)
            guard isAlive[call.node] else { return }
            agents[call.node][call.bucket].received(call.answer, sequence: call.sequence, now: clocks[call.node].reading(at: now))
        case .deadline, .connected, .pool, .watch, .connection, .fault, .faultEnd, .sample: break
        }
    }

    private func delay() -> Int64 { random.within(100_000, 2 * Time.millisecond) }

    private func tick(_ i: Int) {
        guard isAlive[i] else { return }
        let local = clocks[i].reading(at: now)
        let earliest = lastWrite[i] + settings.flushInterval
        guard local >= earliest else { return wake(i, at: earliest) }
        var wrote = false
        let arrival = now + delay()
        for b in agents[i].indices {
            guard let request = agents[i][b].request(now: local, runID: "run-1") else { continue }
            wrote = true
            let index = freeCalls.popLast() ?? calls.count
            if index == calls.count { calls.append(Call()) }
            calls[index] = Call(node: i, bucket: b, sequence: request.sequence, keys: request.keys, arguments: request.arguments)
            push(.arrival, arrival, index)
        }
        if wrote {
            lastWrite[i] = local
            roundTrips += 1
        }
        wake(i, at: local + settings.flushInterval / 2)
    }

    private func wake(_ i: Int, at reading: Int64) {
        let time = max(now, clocks[i].moment(of: reading))
        guard time < nextTick[i] else { return }
        nextTick[i] = time
        push(.tick, time, i)
    }

    /// A loop's limiter with endless mail: spends what is open, asks for more.
    private func look(_ s: Int) {
        let (i, k) = (senders[s].node, senders[s].limit)
        guard isAlive[i] else { return }
        let local = clocks[i].reading(at: now)
        var held = senders[s].held
        var next = local + Time.second
        var asked = 0
        while true {
            held.dropClosed(local)
            let open = held.open(local)
            if open > 0 {
                held.drop(open)
                senders[s].sent += open
                if k < hot { tenths[Int(now / (100 * Time.millisecond))] += open }
                guard limits[k].window.add(open, at: now) else {
                    fatalError("overshoot of \(limits[k].spec.text): \(limits[k].window.worst)")
                }
                continue
            }
            if held.count > 0 {
                next = held.firstOpen
                break
            }
            asked += 1
            if asked > 8 {
                next = local + Time.millisecond
                break
            }
            let lease = agents[i][limits[k].bucket].leaseRate(limits[k].key, spec: limits[k].spec, want: 64, now: local)
            guard case .slots(let slots) = lease else {
                if case .retry(let at) = lease { next = min(max(at, local + Time.millisecond), local + Time.second) }
                wake(i, at: max(local, lastWrite[i] + settings.flushInterval))
                break
            }
            held = HeldSlots(slots)
        }
        senders[s].held = held
        push(.rate, clocks[i].moment(of: next), s)
    }

    /// Kills some of the nodes at random.
    func kill(percent: Int) {
        for i in Array(0..<agents.count).shuffled(using: &random).prefix(agents.count * percent / 100) {
            isAlive[i] = false
            agents[i] = []
        }
    }

    /// Counts from here.
    func startMeasuring() {
        for s in senders.indices { senders[s].sentBefore = senders[s].sent }
        before = (store.calls, roundTrips, store.spent, senders.reduce(0) { $0 + $1.sent }, store.argumentBytes)
    }

    /// What was counted.
    func measure(since begin: Int64) -> String {
        let length = Double(now - begin) / 1e9
        let count = Double(agents.count)
        let made = Double(store.calls - before.calls)
        let spent = Double(store.spent - before.spent)
        let sends = senders.reduce(0) { $0 + $1.sent } - before.sends
        var lines = [
            "  round trips per second  \(text(Double(roundTrips - before.trips) / length / count)) per node, "
                + "\(text(Double(roundTrips - before.trips) / length)) in all",
            "  script calls per second \(text(made / length / count)) per node, \(text(made / length)) in all",
            "  Lua time per call       \(text(spent / made / 1000)) us; \(Tally.percent(spent / 1e9 / length)) of one core of the store",
            "  bytes per call          \(Int(Double(store.argumentBytes - before.bytes) / made))",
            "  sends per second        \(text(Double(sends) / length)), script calls per send \(text(made / Double(max(1, sends))))",
        ]
        for k in 0..<hot {
            let parts = limits[k].senders.map { Double(senders[$0].sent - senders[$0].sentBefore) }
            lines.append("  \(limits[k].spec.text), \(parts.count) nodes: \(use(k, parts, length)), Jain index \(text(jain(parts)))")
        }
        var byKind: [String: [Double]] = [:]
        for k in hot..<max(hot, limits.count) {
            let parts = limits[k].senders.map { Double(senders[$0].sent - senders[$0].sentBefore) }
            // A logged limit may go out at once at the beginning of its period: shorter times say nothing.
            guard limits[k].spec.limit > RateRule.largestLogged || length * 1e9 >= Double(limits[k].spec.periodNanoseconds) else {
                continue
            }
            byKind[limits[k].spec.text, default: []].append(parts.reduce(0, +) / expected(k, length))
        }
        for (name, uses) in byKind.sorted(by: { $0.key < $1.key }) {
            lines.append(
                "  \(name) on 3 nodes, \(uses.count) limits: \(Tally.percent(uses.reduce(0, +) / Double(uses.count))) used on average")
        }
        let worst = limits.map(\.window.worstRatio).max() ?? 0
        lines.append("  fullest window of all   \(Tally.percent(worst)) of its limit")
        return lines.joined(separator: "\n")
    }

    private func expected(_ k: Int, _ length: Double) -> Double {
        Double(limits[k].spec.limit) * length * 1e9 / Double(limits[k].spec.periodNanoseconds)
    }

    private func use(_ k: Int, _ parts: [Double], _ length: Double) -> String {
        "\(Tally.percent(parts.reduce(0, +) / expected(k, length))) used"
    }

    private func jain(_ parts: [Double]) -> Double {
        let squares = parts.reduce(0) { $0 + $1 * $1 }
        let sum = parts.reduce(0, +)
        return squares > 0 ? sum * sum / (Double(parts.count) * squares) : 0
    }

    /// How long the others took to use what the killed nodes had sent, and what had to stay reserved for the case that they live.
    func recovery(from begin: Int64, killed percent: Int) -> String {
        let start = Int(begin / (100 * Time.millisecond))
        let span = min(50, start)
        let mean = Double(tenths[start - span..<start].reduce(0, +)) / Double(max(1, span))
        let living = 1 - Double(percent) / 100
        var low = Double.infinity
        var afterDip: Int?
        var back: Int?
        for t in start..<min(tenths.count, Int(now / (100 * Time.millisecond))) - 10 {
            let second = Double(tenths[t..<t + 10].reduce(0, +)) / 10
            low = min(low, second / mean)
            if second < mean * living * 0.98 { afterDip = nil } else if afterDip == nil { afterDip = t }
            if second < mean * 0.98 { back = nil } else if back == nil { back = t }
        }
        func time(_ tenth: Int?) -> String { tenth.map { "\(Double($0 - start) / 10) s" } ?? "not before the end" }
        return "  the limits all nodes want fell to \(Tally.percent(low)); what the living may use is used again after "
            + "\(time(afterDip)), everything after \(time(back))"
    }

    private func text(_ number: Double) -> String {
        if number >= 100 { return Tally.grouped(Int(number.rounded())) }
        let thousandths = Int((number * 1000).rounded())
        return "\(thousandths / 1000).\(String(1000 + thousandths % 1000).dropFirst())"
    }
}

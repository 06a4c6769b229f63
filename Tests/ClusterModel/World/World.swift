internal import Cluster
internal import Shaping

/// Runs one history: nodes, network and store in virtual time, with every promise checked as it goes. *Thread-confined*; reused for many
/// histories.
final class World<Agent: LimitAgent> {
    let store: FakeStore
    var history: History
    /// What is planted, to show that it is found.
    var defects: Set<Defect> = []
    /// Receives a line for everything that happens; nil = nobody reads.
    var trace: Trace?

    var now: Int64 = 0
    var random = Seeded(0)
    var queue = EventQueue()
    var nodes: [ModelNode] = []
    var agents: [[Agent]] = []
    var messages: [Message] = []
    var freeMessages: [Int32] = []
    var windows: [RateWindow] = []
    var usages: [Usage] = []
    var violation: Violation?
    var tally = Tally()

    var run = 1
    var runText = "run-1"
    var isStoreDown = false
    var isStorePaused = false
    var isUnreachable = false
    var waitingArrivals: [Int32] = []
    /// The store's wall clock beyond true time, in nanoseconds.
    var wallOffset: Int64 = 0
    var slowUntil: Int64 = 0
    /// Sends at the beginning of the measured time, by limit.
    var sentBefore: [Int] = []
    var outageMarks: [OutageMark] = []
    var memory = StoreMemory()
    /// The one case that is not promised has come about; what follows is not judged.
    var isExcluded = false
    var incarnations: UInt64 = 0

    /// A world whose store runs the agent's script.
    init(store: FakeStore, history: History) {
        self.store = store
        self.history = history
    }

    /// Runs it to its end or to the first broken promise.
    func run(_ history: History) -> Violation? {
        begin(history)
        advance(to: history.duration)
        if violation == nil, !isExcluded { finish() }
        return violation
    }

    /// Goes on to that moment, or to the first broken promise.
    func advance(to time: Int64) {
        while violation == nil, !isExcluded, let event = queue.next, event.time <= time {
            queue.pop()
            now = event.time
            perform(event)
        }
        if violation == nil { now = time }
    }

    func begin(_ history: History) {
        self.history = history
        store.reset()
        queue.clear()
        random = Seeded(history.seed)
        now = 0
        nodes = history.nodes.map { ModelNode(clock: SteadyClock(ppm: $0.ppm, offset: $0.offset)) }
        agents = history.nodes.map { _ in [] }
        messages.removeAll(keepingCapacity: true)
        freeMessages.removeAll(keepingCapacity: true)
        windows = history.limits.map { RateWindow(limit: $0.spec?.limit ?? 0, period: $0.spec?.periodNanoseconds ?? 0) }
        usages = history.limits.map { _ in Usage() }
        violation = nil
        memory = StoreMemory()
        isExcluded = false
        tally = Tally()
        run = 1
        runText = "run-1"
        isStoreDown = false
        isStorePaused = false
        isUnreachable = false
        waitingArrivals = []
        wallOffset = random.within(0, 1_000_000) * Time.second
        slowUntil = 0
        sentBefore = []
        incarnations = UInt64(random.within(1, 1_000_000))
        for (i, node) in history.nodes.enumerated() { push(.start, at: node.start, node: i, life: 0) }
        for (i, fault) in history.faults.enumerated() {
            push(.fault, at: fault.at, node: 0, life: 0, a: i)
            // The copy is made before it is needed: what was written in between is lost with it.
            if fault.amount > 0, fault.kind == .failOver || fault.kind == .restart {
                push(.fault, at: max(0, fault.at - fault.amount), node: 0, a: i, b: 1)
            }
        }
        outageMarks = OutageMark.all(of: history)
        for (i, mark) in outageMarks.enumerated() {
            push(.sample, at: mark.from, node: 0, a: i, b: 1)
            push(.sample, at: mark.to, node: 0, a: i, b: 2)
        }
        if history.measuredFrom > 0 { push(.sample, at: history.measuredFrom, node: 0) }
    }

    func push(_ kind: Event.Kind, at time: Int64, node: Int, a: Int = 0, b: Int = 0) {
        push(kind, at: time, node: node, life: nodes[node].life, a: a, b: b)
    }

    func push(_ kind: Event.Kind, at time: Int64, node: Int, life: UInt32, a: Int = 0, b: Int = 0) {
        queue.push(
            Event(time: max(now, time), kind: kind, node: UInt16(truncatingIfNeeded: node), life: life, a: Int32(a), b: Int32(b)))
    }

    /// The node's own clock.
    @inline(__always)
    func local(_ i: Int) -> Int64 { nodes[i].clock.reading(at: now) }

    func perform(_ event: Event) {
        let i = Int(event.node)
        switch event.kind {
        case .fault:
            event.b == 1 ? store.copy(Int(event.a)) : begin(fault: Int(event.a))
            return
        case .faultEnd: return end(fault: Int(event.a))
        case .arrival: return arrive(event.a, generation: event.b)
        case .sample: return sample(event)
        case .start: return start(i)
        case .tick, .deadline, .reply, .connected, .rate, .pool, .watch, .connection: break
        }
        guard event.life == nodes[i].life else {
            if event.kind == .reply { finishStore(event.a, generation: event.b) }
            return
        }
        switch nodes[i].phase {
        case .paused:
            nodes[i].deferred.append(event)
            return
        case .absent, .down, .left:
            if event.kind == .reply { finishStore(event.a, generation: event.b) }
            return
        case .up: break
        }
        switch event.kind {
        case .tick:
            guard event.time == nodes[i].nextTick else { return }
            nodes[i].nextTick = .max
            pump(i)
        case .deadline: deadline(event.a, generation: event.b)
        case .reply: deliver(event.a, generation: event.b)
        case .connected: connect(i, generation: UInt32(bitPattern: event.a))
        case .rate: lookRate(i, Int(event.a))
        case .pool: lookPool(i, Int(event.a))
        case .watch: watch(i, Int(event.a))
        case .connection: step(i, Int(event.a), connection: event.b)
        case .fault, .faultEnd, .arrival, .sample, .start: break
        }
    }

    private var isBlind: Bool {
        let settings = history.settings
        let period = history.limits.compactMap { $0.spec?.periodNanoseconds }.max() ?? 0
        let life = max(settings.shareTTL, settings.permitTTL + settings.crashHold) + settings.heartbeatTimeout + period
        return memory.isBlind(quiet: settings.freshQuiet, life: life, at: now)
    }

    /// Reports the first broken promise.
    func violate(_ promise: Violation.Promise, _ text: String) {
        guard violation == nil, !isExcluded else { return }
        if promise == .rate || promise == .connections, isBlind {
            trace?.note(now, "EXCLUDED, nobody told the new store of the old one: \(text)", isImportant: true)
            isExcluded = true
            tally.excluded += 1
            return
        }
        violation = Violation(promise: promise, at: now, text: text)
        trace?.note(now, violation!.line)
    }
}

internal import Shaping

/// One node of the model, without its agents. *State machine*, run by the world.
struct ModelNode {
    /// What the process does.
    enum Phase: Equatable { case absent, up, paused, down, left }

    let clock: SteadyClock
    var phase = Phase.absent
    /// Counts its processes; an event of an older one is void.
    var life: UInt32 = 0
    /// The epoch of each bucket: as the process knows it, as its disk does, and when that is brought up to date next (local time).
    var epochs: [Int: Int64] = [:]
    var disk: [Int: Int64] = [:]
    var notesAt = Int64.min / 4
    var link = Link()
    /// The messages that wait for a reply.
    var inFlight: [Int32] = []
    /// Events that came while it was stopped.
    var deferred: [Event] = []
    /// The true time of the tick that counts; others were overtaken.
    var nextTick = Int64.max
    /// When it last wrote, by its own clock.
    var lastWrite = Int64.min / 4
    var rates: [RateSender] = []
    var pools: [ConnectionPool] = []
    /// The end of its partition, true time.
    var partitionedUntil: Int64 = 0
    var roundTrips = 0
    /// Sends, for fairness.
    var sends: [Int] = []

    init(clock: SteadyClock) { self.clock = clock }
}

/// The connection of a node to the store.
struct Link {
    var isUp = false
    /// Counts connections.
    var generation: UInt32 = 0
    /// The run of the store it was opened to.
    var run = 0
    /// Whether the newest attempt was refused by a living host.
    var isRefused = false
    /// When that was, by the node's clock.
    var refusedAt: Int64 = 0
    var attempts = 0
    /// The last arrivals on either side: a connection keeps its order.
    var lastArrival: Int64 = 0
    var lastReply: Int64 = 0
}

/// A request under way, and its reply.
struct Message {
    var generation: Int32 = 0
    var node = 0
    var bucket = 0
    var life: UInt32 = 0
    var link: UInt32 = 0
    var run = 0
    var sequence: Int64 = 0
    /// The epoch its sender knew.
    var knownEpoch: Int64 = 0
    var keys: [String] = []
    var arguments: [String] = []
    var reply: [Int64] = []
    /// Nobody waits for it any more.
    var isNodeDone = false
    /// The store and the network are through with it.
    var isStoreDone = false
}

/// A run of slots in the hands of a sender.
struct HeldSlots {
    var firstOpen: Int64 = 0
    var interval: Int64 = 0
    var tolerance: Int64 = 0
    var count = 0

    init() {}
    init(_ slots: RateSlots) {
        firstOpen = slots.firstOpen
        interval = slots.interval
        tolerance = slots.tolerance
        count = slots.count
    }

    var slots: RateSlots { RateSlots(firstOpen: firstOpen, interval: interval, tolerance: tolerance, count: count) }
    var firstClose: Int64 { firstOpen + tolerance }

    /// Takes slots away from the front.
    mutating func drop(_ n: Int) {
        firstOpen += Int64(n) * interval
        count -= n
    }

    /// Drops what has closed.
    mutating func dropClosed(_ now: Int64) {
        guard count > 0, firstClose < now else { return }
        drop(interval == 0 ? count : Int(min(Int64(count), (now - firstClose - 1) / interval + 1)))
    }

    /// How many are open at `now`.
    func open(_ now: Int64) -> Int {
        guard count > 0, firstOpen <= now else { return 0 }
        return interval == 0 ? count : Int(min(Int64(count), (now - firstOpen) / interval + 1))
    }
}

/// One node's sender under one rate.
struct RateSender {
    var held = HeldSlots()
    var following = HeldSlots()
    /// When the next send is planned, local time.
    var planned: Int64?
    /// When there is mail again, local time.
    var nextMail = Int64.min / 4
    var sends = 0
    /// The true time of the pending look.
    var nextLook = Int64.max
}

/// One connection.
struct ModelConnection {
    let id: Int32
    var isOpening = true
    /// When it has served long enough, local time.
    var retires: Int64
}

/// One node's connections under one cap.
struct ConnectionPool {
    var free = 0
    var connections: [ModelConnection] = []
    var nextID: Int32 = 0
    var target = 0
    var nextLook = Int64.max
    var nextWatch = Int64.max
    /// Since when it has wanted a connection and had none, true time.
    var hungrySince: Int64?
}

/// When to read, to scan and to publish. *State machine*: one question at a time is on its way in each direction; answers carry the
/// number of their question, so an answer that comes twice, or after its question was given up, has no effect.
///
/// Reading: `idle -> reading -> idle`, and after a gap `reading -> scanning … scanning -> verifying -> idle`. The position that the
/// gap named is taken only when it is still there after the scan: then nothing was lost while the scan ran.
struct ControlSyncMachine: Sendable {
    /// A whole reading of the store.
    struct Scan: Sendable, Equatable {
        /// Where reading goes on afterwards.
        var start: ControlPosition
        /// What the store holds.
        var seen: [String: ControlStamp] = [:]
        /// Fields so far, unreadable ones too.
        var fields = 0

        /// Something unreadable does not stand for an entry that this node could give back.
        mutating func note(_ value: StoredEntry) {
            guard let entry = value.entry else {
                // What was refused stands where something of ours may belong: any change of ours comes after it.
                if value.isRefused { seen[value.field] = ControlStamp(version: 0, node: "") }
                return
            }
            seen[entry.id] = entry.stamp
        }
    }

    /// What the machine is doing.
    enum Phase: Sendable, Equatable {
        case idle
        case reading
        case scanning(Scan)
        case verifying(Scan)
    }

    /// What is to be done now.
    enum Action: Sendable, Equatable {
        /// Run the reading script from there; nil = from nowhere.
        case read(question: Int, from: ControlPosition?)
        /// Go on with HSCAN.
        case scan(question: Int, cursor: String)
        /// The position counts no more, until all was compared: what the scan brings is not covered by it.
        case losePosition
        /// Take the position; `isEnd`: there is no more.
        case advance(ControlPosition, version: Int64, isEnd: Bool)
        /// Compare all of it with what is known here.
        case reconcile(Scan, version: Int64)
        /// The store holds far more than the control plane ever writes.
        case reportOverflow(fields: Int)
    }

    /// How long an answer is waited for; connections give up much earlier.
    static let patience: Int64 = 3_000_000_000
    /// How often the whole store is compared, gap or no gap.
    static let wholeEvery: Int64 = 600_000_000_000
    /// Fields after which a scan is given up.
    static let fieldLimit = 200_000
    /// How long a scan that was given up is not tried again.
    static let scanPause: Int64 = 60_000_000_000

    private(set) var phase = Phase.idle
    private var question = 0
    private var asked: Int64 = 0
    private var wantsMore = false
    private var nextWhole: Int64
    private var noScanBefore: Int64 = .min

    /// `now` and `jitter` decide when the whole store is compared for the first time without need.
    init(now: Int64, jitter: Int64) { nextWhole = now + Self.wholeEvery + jitter }

    /// Time passed, or a hint came: read, unless an answer is awaited.
    mutating func wake(position: ControlPosition?, now: Int64) -> [Action] {
        if phase != .idle {
            guard now - asked >= Self.patience else {
                wantsMore = true
                return []
            }
            phase = .idle
        }
        return read(position, now: now)
    }

    private mutating func read(_ position: ControlPosition?, now: Int64) -> [Action] {
        wantsMore = false
        phase = .reading
        return [.read(question: ask(now), from: now >= nextWhole && now >= noScanBefore ? nil : position)]
    }

    private mutating func ask(_ now: Int64) -> Int {
        question += 1
        asked = now
        return question
    }

    /// True when the answer to that question is still awaited. An old answer must not even be merged: it may speak of a store that has
    /// lost its data since, and would pass for an acknowledgment.
    func awaits(_ question: Int) -> Bool { question == self.question && phase != .idle }

    /// The reading script answered.
    mutating func received(_ reply: ControlReply, question: Int, now: Int64) -> [Action] {
        guard question == self.question else { return [] }
        switch phase {
        case .idle, .scanning: return []
        case .reading:
            switch reply.state {
            case .same: return finish([.advance(reply.position, version: reply.version, isEnd: true)], reply.position, now: now)
            case .part:
                let isEnd = reply.last == reply.newest
                wantsMore = wantsMore || !isEnd
                return finish([.advance(reply.position, version: reply.version, isEnd: isEnd)], reply.position, now: now)
            case .gap:
                guard now >= noScanBefore else {
                    phase = .idle
                    return []
                }
                phase = .scanning(Scan(start: ControlPosition(epoch: reply.epoch, event: reply.newest)))
                return [.losePosition, .scan(question: ask(now), cursor: "0")]
            }
        case .verifying(var scan):
            guard reply.state != .gap else {
                // The store lost its data while it was read. Not at once again: it may be about to go.
                phase = .idle
                return []
            }
            for value in reply.values { scan.note(value) }
            scan.start = reply.position
            guard reply.last == reply.newest else {
                phase = .verifying(scan)
                return [.read(question: ask(now), from: scan.start)]
            }
            nextWhole = now + Self.wholeEvery
            return finish([.reconcile(scan, version: reply.version)], scan.start, now: now)
        }
    }

    private mutating func finish(_ actions: [Action], _ position: ControlPosition, now: Int64) -> [Action] {
        phase = .idle
        guard wantsMore else { return actions }
        return actions + read(position, now: now)
    }

    /// HSCAN answered.
    mutating func received(_ reply: ScanReply, question: Int, now: Int64) -> [Action] {
        guard question == self.question, case .scanning(var scan) = phase else { return [] }
        for value in reply.values { scan.note(value) }
        scan.fields += reply.values.count
        guard scan.fields <= Self.fieldLimit else {
            phase = .idle
            noScanBefore = now + Self.scanPause
            return [.reportOverflow(fields: scan.fields)]
        }
        guard reply.cursor == "0" else {
            phase = .scanning(scan)
            return [.scan(question: ask(now), cursor: reply.cursor)]
        }
        phase = .verifying(scan)
        return [.read(question: ask(now), from: scan.start)]
    }

    /// No answer, or not one of ours.
    mutating func failed(question: Int) {
        guard question == self.question else { return }
        phase = .idle
    }
}

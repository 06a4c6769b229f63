/// What has been given out of one rate, in a form that outlives the process. *Value.* Times are monotonic nanoseconds.
package struct RateRecord: Sendable, Equatable {
    /// How the history is kept; see `RateState`.
    package enum History: Sendable, Equatable {
        case paced(next: Int64)
        case logged(closes: [Int64], forgotten: Int64, pace: Int64)
    }

    /// The rate of the last grant.
    package var spec: ThrottleSpec
    /// When slots of it were given out.
    package var history: History

    /// What was given out of a rate.
    package init(spec: ThrottleSpec, history: History) {
        self.spec = spec
        self.history = history
    }

    /// Times before this one mean "never".
    private static let never = Int64.min / 8

    /// The same history by a clock that shows `offset` more.
    package func shifted(by offset: Int64) -> RateRecord {
        func move(_ time: Int64) -> Int64 {
            guard time > Self.never else { return time }
            let (sum, isOver) = time.addingReportingOverflow(offset)
            return isOver ? (offset < 0 ? Int64.min / 4 : .max / 4) : sum
        }
        switch history {
        case .paced(let next): return RateRecord(spec: spec, history: .paced(next: move(next)))
        case .logged(let closes, let forgotten, let pace):
            return RateRecord(spec: spec, history: .logged(closes: closes.map(move), forgotten: move(forgotten), pace: move(pace)))
        }
    }

    /// Whether forgetting it changes no answer from `now` on.
    package func isIdle(now: Int64) -> Bool { RateState(self, grace: 0, now: now).isIdle(now: now) }
}

extension RateRecord {
    private static let pacedMark: UInt8 = 1
    private static let loggedMark: UInt8 = 2
    private static let localFlag: UInt8 = 0x80

    /// Appends the record: kind, limit, period, burst, then the times; little endian.
    package func append(to out: inout [UInt8]) {
        func add(_ number: Int64) { withUnsafeBytes(of: number.littleEndian) { out.append(contentsOf: $0) } }
        switch history {
        case .paced: out.append(Self.pacedMark | (spec.isLocal ? Self.localFlag : 0))
        case .logged: out.append(Self.loggedMark | (spec.isLocal ? Self.localFlag : 0))
        }
        add(Int64(spec.limit))
        add(spec.periodNanoseconds)
        add(Int64(spec.maxBurst))
        switch history {
        case .paced(let next): add(next)
        case .logged(let closes, let forgotten, let pace):
            add(forgotten)
            add(pace)
            add(Int64(closes.count))
            for close in closes { add(close) }
        }
    }

    /// Reads a record from the front of `bytes` and drops it there; nil when it is none.
    package init?(from bytes: inout ArraySlice<UInt8>) {
        func number() -> Int64? {
            guard bytes.count >= 8 else { return nil }
            var value: Int64 = 0
            withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes.prefix(8)) }
            bytes = bytes.dropFirst(8)
            return Int64(littleEndian: value)
        }
        guard let mark = bytes.popFirst(), let limit = number(), let period = number(), let burst = number(), limit > 0, period > 0,
            burst > 0
        else { return nil }
        let kind = mark & ~Self.localFlag
        spec = ThrottleSpec(limit: Int(limit), periodNanoseconds: period, maxBurst: Int(burst), isLocal: mark & Self.localFlag != 0)
        switch kind {
        case Self.pacedMark:
            guard let next = number() else { return nil }
            history = .paced(next: next)
        case Self.loggedMark:
            guard let forgotten = number(), let pace = number(), let count = number(), (0...Int64(RateRule.largestLogged)).contains(count)
            else { return nil }
            var closes: [Int64] = []
            for _ in 0..<count {
                guard let close = number() else { return nil }
                closes.append(close)
            }
            history = .logged(closes: closes, forgotten: forgotten, pace: pace)
        default: return nil
        }
        // A history of the other kind than the rate has would never be asked the right question.
        guard RateRule(spec).isLogged == (kind == Self.loggedMark) else { return nil }
    }
}

extension RateState {
    /// What has been given out so far.
    var record: RateRecord {
        switch history {
        case .paced(let next): RateRecord(spec: spec, history: .paced(next: next))
        case .logged(let log): RateRecord(spec: spec, history: log.history)
        }
    }

    /// Goes on where a former process ended.
    init(_ record: RateRecord, grace: Int64, isGuarded: Bool = false, now: Int64) {
        let history: History =
            switch record.history {
            case .paced(let next): .paced(next: next)
            case .logged(let closes, let forgotten, let pace):
                .logged(RateLog(closes: closes, forgotten: forgotten, pace: pace, since: now, limit: record.spec.limit))
            }
        self.init(spec: record.spec, grace: grace, isGuarded: isGuarded, history: history)
    }

    /// A rate of which nothing is known but that it may have been used up to its limit until `moment`.
    init(spec: ThrottleSpec, grace: Int64, isGuarded: Bool = false, usedUntil moment: Int64) {
        let rule = RateRule(spec, grace: grace, isGuarded: isGuarded)
        guard rule.isLogged else {
            self.init(
                spec: spec, grace: grace, isGuarded: isGuarded,
                history: .paced(next: moment + rule.period + rule.tolerance + rule.guardTime + 1))
            return
        }
        var log = RateLog(since: moment)
        for _ in 0..<rule.limit { log.record(moment + rule.guardTime, limit: rule.limit) }
        self.init(spec: spec, grace: grace, isGuarded: isGuarded, history: .logged(log))
    }
}

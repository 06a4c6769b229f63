package import Cluster
package import Shaping

/// A call of the stand-in's script. *Value.*
package struct StandInRequest: ModelRequest {
    package let sequence: Int64
    package let keys: [String]
    package let arguments: [String]
}

/// A limiter simple enough to be plainly right, or plainly wrong: what the model is tested with. *State machine.*
package struct StandInAgent: LimitAgent {
    private struct Rate {
        let spec: ThrottleSpec
        var want = 0
        var slots = RateSlots.none
        var seen: Int64 = 0
        var interval: Int64 { Int64(Double(spec.periodNanoseconds + StandInAgent.grace) / Double(max(1, spec.limit - 2)) * 1.002) }
    }
    private struct Cap {
        var limit: Int
        var want = 0
        var inUse = 0
        var usable = 0
        var lease = Int64.min / 4
        var asked: Int64 = 0
    }
    private struct Call {
        let sent: Int64
        let rates: [LimitKey]
        let caps: [(key: LimitKey, want: Int)]
    }

    private static let grace: Int64 = 100_000_000
    private let settings: ClusterSettings
    private let name: String
    private let defects: Set<Defect>
    private var sequence: Int64 = 0
    private var run = ""
    private var rates: [LimitKey: Rate] = [:]
    private var caps: [LimitKey: Cap] = [:]
    private var calls: [Int64: Call] = [:]

    package init(_ settings: ClusterSettings, bucket: Int, node: String, incarnation: UInt64, rememberedEpoch: Int64) {
        self.settings = settings
        name = "\(node)#\(incarnation)"
        // The stand-in has no settings of its own; the model names its bugs in the prefix.
        defects = Set(settings.prefix.split(separator: ",").compactMap { Defect(rawValue: String($0)) })
    }

    package mutating func leaseRate(_ key: LimitKey, spec: ThrottleSpec, want: Int, now: Int64) -> RateLease {
        var rate = rates[key] ?? Rate(spec: spec)
        defer { rates[key] = rate }
        rate.seen = now
        if !rate.slots.isEmpty, rate.slots.end + rate.slots.tolerance > now {
            defer { rate.slots = .none }
            return .slots(rate.slots)
        }
        rate.slots = .none
        rate.want = max(1, want)
        return .retry(atNanoseconds: now + 20_000_000)
    }

    package mutating func returnRate(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots, now: Int64) {}

    package mutating func leasePermits(_ key: LimitKey, limit: Int, want: Int, now: Int64) -> PermitLease {
        var cap = caps[key] ?? Cap(limit: limit)
        defer { caps[key] = cap }
        let free = min(want, cap.usable - cap.inUse)
        if free > 0, now < cap.lease - settings.permitMargin {
            cap.inUse += free
            return .permits(free)
        }
        cap.want = cap.inUse + want
        return .retry(atNanoseconds: now + 50_000_000)
    }

    package mutating func returnPermits(_ key: LimitKey, count: Int, now: Int64) {
        guard var cap = caps[key] else { return }
        cap.inUse = max(0, cap.inUse - count)
        cap.want = cap.inUse
        // What is given back is not taken again without asking.
        cap.usable = min(cap.usable, cap.inUse)
        caps[key] = cap
    }

    package func permitTerms(_ key: LimitKey, now: Int64) -> PermitTerms {
        guard let cap = caps[key] else { return PermitTerms(startBy: now, closeBy: now, recall: 0, excess: 0) }
        return PermitTerms(
            startBy: cap.lease - settings.permitMargin, closeBy: cap.lease - settings.closeMargin, recall: 0, excess: 0)
    }

    package mutating func claimRecall(_ key: LimitKey) -> Bool { false }
    package mutating func noteTransactions(_ key: LimitKey, count: Int) {}
    package var scarce: [LimitKey] { [] }
    package mutating func storeIsGone(now: Int64) {}

    package mutating func request(now: Int64, runID: String) -> StandInRequest? {
        guard calls.isEmpty else { return nil }
        if runID != run {
            run = runID
            // Another store knows nothing of these; they end with their lease, and are not asked for again before.
            for key in rates.keys { rates[key]?.slots = .none }
        }
        let askingRates = rates.filter { $0.value.want > 0 && $0.value.slots.isEmpty }.keys.sorted { $0.name < $1.name }
        let askingCaps = caps.filter { (_, cap) in
            (cap.want > 0 || cap.usable > 0) && now - cap.asked > 500_000_000 || cap.want > cap.usable
        }.keys.sorted { $0.name < $1.name }
        guard !askingRates.isEmpty || !askingCaps.isEmpty else { return nil }
        sequence += 1
        var keys = ["state"]
        var arguments = [run, name, String(sequence), "", String(settings.permitTTL / 1000)]
        for key in askingRates {
            let rate = rates[key]!
            keys.append("r:\(key.name)")
            let interval = rate.interval / 1000 + 1
            arguments += ["r", String(interval), String(rate.want), String(max(500_000, interval + 1))]
        }
        var wants: [(LimitKey, Int)] = []
        for key in askingCaps {
            keys.append("c:\(key.name)")
            caps[key]!.want = max(caps[key]!.want, caps[key]!.inUse)
            arguments += ["c", String(caps[key]!.limit), String(caps[key]!.want), "0"]
            // Until the store has answered nothing more is begun than what was asked for.
            caps[key]!.usable = min(caps[key]!.usable, max(caps[key]!.want, caps[key]!.inUse))
            caps[key]!.asked = now
            wants.append((key, caps[key]!.want))
        }
        calls[sequence] = Call(sent: now, rates: askingRates, caps: wants)
        return StandInRequest(sequence: sequence, keys: keys, arguments: arguments)
    }

    package func nextRequestTime(now: Int64) -> Int64 { now + 100_000_000 }

    package mutating func received(_ answer: [Int64], sequence: Int64, now: Int64) {
        guard let call = calls.removeValue(forKey: sequence), answer.count == 2 * (call.rates.count + call.caps.count) else { return }
        var i = 0
        for key in call.rates {
            if var rate = rates[key], answer[i] > 0 {
                let open = now + answer[i + 1] * 1000 + 1_000_000
                var tolerance = call.sent + answer[i + 1] * 1000 + rate.interval + Self.grace - 2_000_000 - open
                if defects.contains(.prefetch) { tolerance = 1_500_000_000 }
                if tolerance > 0 {
                    rate.slots = RateSlots(firstOpen: open, interval: rate.interval + 1000, tolerance: tolerance, count: Int(answer[i]))
                    rate.want = 0
                    rates[key] = rate
                }
            }
            i += 2
        }
        for (key, _) in call.caps {
            if var cap = caps[key], answer[i] > 0 || cap.want == 0 {
                cap.usable = max(cap.inUse, Int(answer[i]))
                if answer[i] >= cap.inUse { cap.lease = call.sent + settings.permitTTL * (defects.contains(.longLease) ? 3 : 2) / 2 }
                cap.usable = min(cap.usable, Int(answer[i]))
                caps[key] = cap
            }
            i += 2
        }
    }

    package mutating func failed(sequence: Int64, now: Int64) { calls[sequence] = nil }

    package mutating func leave(now: Int64, runID: String) -> StandInRequest {
        for key in caps.keys {
            caps[key]!.want = 0
            caps[key]!.inUse = 0
            calls = [:]
            caps[key]!.asked = Int64.min / 4
        }
        return request(now: now, runID: runID)
            ?? StandInRequest(
                sequence: sequence + 1, keys: ["state"],
                arguments: [runID, name, String(sequence + 1), "", "\(settings.permitTTL / 1000)"])
    }
}

package import Shaping

// What goes to the store and what comes back.
extension BucketAgent {
    /// What is due now, if anything.
    package mutating func request(now: Int64, runID: String) -> BucketRequest? { request(now: now, runID: runID, isAlong: false) }

    /// What to send now, to a server with that run id; `nil` when nothing is due or an answer is outstanding.
    /// - Parameter isAlong: something is sent to the store anyway: a heartbeat that would be due soon goes along.
    package mutating func request(now: Int64, runID: String, isAlong: Bool) -> BucketRequest? {
        guard inFlight == nil else { return nil }
        guard isAlong && now - askedAt >= settings.heartbeat / 2 || nextRequestTime(now: now) <= now else { return nil }
        return makeRequest(now: now, runID: runID, leaving: false)
    }

    /// The last request of a node that stops: gives back what is not in use, and the share.
    package mutating func leave(now: Int64, runID: String) -> BucketRequest {
        inFlight = nil
        return makeRequest(now: now, runID: runID, leaving: true)
    }

    /// When there is something to send; ask again after each answer and each taker.
    package func nextRequestTime(now: Int64) -> Int64 {
        guard inFlight == nil else { return .max }
        var time = askedAt + settings.heartbeat
        if isUrgent { time = min(time, askedAt + settings.flushInterval) }
        for pool in rates.values { time = min(time, pool.due(now: now, settings: settings)) }
        for pool in permits.values { time = min(time, pool.due(now: now, settings: settings)) }
        // Whatever hurries, a bucket is called ten times a second at most.
        return max(time, askedAt + settings.flushInterval)
    }

    private mutating func makeRequest(now: Int64, runID: String, leaving: Bool) -> BucketRequest {
        sequence += 1
        askedAt = now
        isUrgent = false
        var keys = [name("state"), name("members")]
        var operations: [(key: LimitKey, isRate: Bool)] = []
        var parts: [String] = []
        // What is nearly due goes along, but not what has to wait for room: too early it would be refused again. When there is too much, what
        // has been due for longest.
        let soon = now + settings.flushInterval
        var due: [(at: Int64, key: LimitKey, isRate: Bool)] = []
        for (key, pool) in permits {
            let at = leaving ? (pool.isKnown ? 0 : .max) : pool.due(now: now, settings: settings)
            if at <= soon { due.append((at, key, false)) }
        }
        if !leaving {
            for (key, pool) in rates {
                let at = pool.due(now: now, settings: settings)
                if at <= (pool.kind == .stream ? soon : now) { due.append((at, key, true)) }
            }
        }
        if due.count > Self.largestRequest {
            due.sort { $0.at < $1.at }
            due.removeLast(due.count - Self.largestRequest)
            isUrgent = true
        }
        for (_, key, isRate) in due {
            if isRate {
                parts += rates[key]?.question(now: now, settings: settings) ?? []
                keys.append(name("rate:" + key.name))
            } else {
                parts += permits[key]?.question(now: now, settings: settings, isLeaving: leaving) ?? []
                keys.append(name("conn:" + key.name))
            }
            operations.append((key, isRate))
        }
        let micro = now / 1000
        let isAway = now + settings.slowestReply >= awayAt
        let nonce = Int64(StableHash.mix(incarnation ^ UInt64(bitPattern: sequence &* 7919)) >> 12) | 1
        let header = [
            node, String(incarnation, radix: 16), "\(sequence)", runID, "\(nonce)", "\(epoch)",
            "\(slowAnchor.map { $0 + micro } ?? 0)", "\(fastAnchor.map { $0 + micro } ?? 0)", "\(acknowledged)",
            isAway ? "\(silence(now: now))" : "0",
            "\(share)", "\(max(0, (shareUntil - now) / 1000))", signature, leaving ? "1" : "0",
            "\(settings.heartbeatTimeout / 1000)", "\(settings.shareTTL / 1000)", "\(settings.permitTTL / 1000)",
            "\(settings.freshQuiet / 1000)", "\(settings.crashHold / 1000)", "\(settings.quantum / 1000)", "\(generation)",
            "\(settings.slowestReply / 1000)", "\(operations.count)",
        ]
        inFlight = InFlight(sequence: sequence, sentAt: now, isAway: isAway, operations: operations)
        return BucketRequest(sequence: sequence, keys: keys, arguments: header + parts)
    }

    /// What all nodes have to agree on, else their limits do not add up.
    private var signature: String {
        [BucketScript.revision, Int64(settings.buckets), settings.rateTTL, settings.shareTTL, settings.permitTTL].map {
            "\($0 / ($0 > 1000 ? 1000 : 1))"
        }
        .joined(separator: "|")
    }

    /// For how long nothing has been granted, in microseconds, at least 1.
    private func silence(now: Int64) -> Int64 { max(1, (now - (lastOpen ?? 0)) / 1000) }

    private func name(_ suffix: String) -> String { BucketKey.name(prefix: settings.prefix, bucket: bucket, suffix) }

    /// The script's answer to the request of that sequence number.
    package mutating func received(_ answer: [Int64], sequence: Int64, now: Int64) {
        guard let sent = inFlight, sent.sequence == sequence else { return }
        let isWhole = answer.count == BucketScript.headerCount + sent.operations.count * BucketScript.answerCount
        guard now - sent.sentAt <= settings.slowestReply, answer.first != 2, isWhole,
            answer[1...3].allSatisfy({ (1...(1 << 53)).contains($0) })
        else {
            if answer.first != 9, !isWhole { count { $0.malformed += 1 } }
            return failed(sequence: sequence, now: now)
        }
        inFlight = nil
        answeredAt = now
        count { $0.answers += 1 }
        if answer[1] != epoch {
            if epoch != 0 { count { $0.epochChanges += 1 } }
            epoch = answer[1]
            slowAnchor = nil
            fastAnchor = nil
            isUrgent = true
        }
        if answer[12] != generation {
            generation = answer[12]
            slowAnchor = nil
        }
        let micro = now / 1000 + 1
        slowAnchor = max(slowAnchor ?? .min, answer[2] - micro)
        fastAnchor = max(fastAnchor ?? .min, answer[3] - micro)
        acknowledged = answer[3]
        isLearning = answer[0] == 1
        let isReserved = answer[9] == 1
        members = max(1, answer[5])
        share = min(max(0, answer[4]), BucketScript.whole)
        if share > 0 { shareUntil = sent.sentAt + settings.shareTTL }
        failuresInARow = 0
        if !isLearning {
            // The store grants again: for others at once, for us when it has heard that we left the share. Whatever it reserved meanwhile, from
            // here on it counts from this answer, which the next request acknowledges.
            isUrgent = isUrgent || isReserved
            lastOpen = sent.sentAt
        }
        for (index, operation) in sent.operations.enumerated() {
            let start = BucketScript.headerCount + index * BucketScript.answerCount
            let part = answer[start..<start + BucketScript.answerCount]
            if operation.isRate {
                rates[operation.key]?.receive(part, lag: max(0, min(answer[11], 1_000_000)) * 1000, sentAt: sent.sentAt, now: now)
            } else {
                permits[operation.key]?.receive(part, sentAt: sent.sentAt)
                if permits[operation.key].map({ $0.inUse > $0.granted }) == true { count { $0.leasesLost += 1 } }
            }
        }
        sweep(now: now)
    }

    /// No answer, or one that came too late.
    package mutating func failed(sequence: Int64, now: Int64) {
        guard let sent = inFlight, sent.sequence == sequence else { return }
        inFlight = nil
        count { $0.failures += 1 }
        for operation in sent.operations where operation.isRate { rates[operation.key]?.unanswered() }
        // What was asked for goes along again: soon at first, then ever more slowly. A store that is slow must not be asked more for it.
        failuresInARow = min(failuresInARow + 1, 5)
        askedAt = max(askedAt, now - settings.flushInterval + settings.flushInterval << Int64(failuresInARow - 1))
        isUrgent = true
    }

    /// The store's host refuses connections: what is held stays held, as nobody else can get it.
    package mutating func storeIsGone(now: Int64) {
        if now < shareUntil { shareUntil = max(shareUntil, now + settings.shareTTL) }
        for key in permits.keys { permits[key]?.storeIsGone(now: now, settings: settings) }
    }

    /// A permit came back that this node waits for: asks without the usual pause.
    package mutating func hurry(now: Int64) {
        for key in permits.keys { permits[key]?.hurry(now: now) }
    }

    /// Forgets pools nobody uses.
    private mutating func sweep(now: Int64) {
        guard sequence % 64 == 0 else { return }
        for (key, pool) in rates where now - pool.lastUse > max(120_000_000_000, pool.spec.periodNanoseconds) { rates[key] = nil }
        for (key, pool) in permits where pool.isIdle(now: now) { permits[key] = nil }
    }
}

/// The names of keys in the store. *Value.*
package enum BucketKey {
    /// `prefix:1:{prefix.b0}:suffix`; all keys of a bucket share the hash tag. Long names are cut and made unique by a hash.
    package static func name(prefix: String, bucket: Int, _ suffix: String) -> String {
        var suffix = suffix
        if suffix.utf8.count > 300 {
            suffix = String(decoding: suffix.utf8.prefix(250), as: UTF8.self) + "#" + String(StableHash.hash(suffix), radix: 16)
        }
        return "\(prefix):\(BucketScript.version):{\(prefix).b\(bucket)}:\(suffix)"
    }

    /// The bucket of a limit.
    package static func bucket(of key: LimitKey, buckets: Int) -> Int { Int(StableHash.hash(key.name) % UInt64(max(1, buckets))) }
}

package import Shaping

/// One limit as this node sees it. *Value.*
package struct LimitSnapshot: Sendable, Equatable {
    /// The limit.
    package var key: LimitKey
    /// The bucket it is in.
    package var bucket: Int
    /// Whether it limits connections rather than a rate.
    package var isConnections: Bool
    /// As configured: `1000/min`, `32`.
    package var value: String
    /// What this node holds: slots per second, slots, or permits.
    package var held: Double
    /// Of the permits, those in use.
    package var inUse: Int
    /// What all nodes held at the last answer, in the unit of `held`.
    package var used: Double
    /// Seconds for which somebody on this node has been waiting; `nil` when nobody waits.
    package var waitsSeconds: Double?
    /// Where it is agreed.
    package var mode: LimitMode
    /// The part of the limit this node would have without the store.
    package var share: Double
}

extension BucketAgent {
    /// Every limit this node uses.
    package func snapshot(now: Int64) -> [LimitSnapshot] {
        let mode = mode(now: now)
        var all: [LimitSnapshot] = []
        for (key, pool) in rates {
            let used = pool.kind == .stream ? Double(pool.taken) / 86_400_000 : Double(pool.taken)
            all.append(
                LimitSnapshot(
                    key: key, bucket: bucket, isConnections: false, value: pool.spec.text, held: pool.held(now: now), inUse: 0, used: used,
                    waitsSeconds: pool.isActive(now: now) ? pool.waitsSince.map { Double(now - $0) / 1e9 } : nil, mode: mode,
                    share: shareFraction))
        }
        for (key, pool) in permits {
            all.append(
                LimitSnapshot(
                    key: key, bucket: bucket, isConnections: true, value: "\(pool.limit)", held: Double(pool.granted), inUse: pool.inUse,
                    used: Double(pool.used),
                    waitsSeconds: now - pool.lastUse < 2_000_000_000 ? pool.waitingSince.map { Double(now - $0) / 1e9 } : nil, mode: mode,
                    share: shareFraction))
        }
        return all
    }
}

/// Makes `MessageID`s in the layout of UUID version 7 (RFC 9562 section 5.7). *Value*, loop-confined: one per loop, each with its own seed.
///
/// Layout: 48 bits of Unix milliseconds, version, 12 bits of sub-millisecond time (section 6.2, method 3), variant, 62 random bits.
/// Within one tick, and while the clock stands still or runs backwards, the tail grows by a random step (method 2): identities of one
/// generator are strictly increasing, and two generators meet only if 62 random bits do. A counter instead of random steps was rejected: two
/// pods restored from one image would count in step.
package struct MessageIDGenerator: Sendable {
    private var random: SeededRandom
    private var tick: UInt64 = 0
    private var tail: UInt64 = 0
    private static let tailLimit: UInt64 = 1 << 62

    /// A generator for a node. `seed` must come from the system's random source once per generator; `node` keeps nodes apart even if seeds repeat.
    package init(node: UInt64, seed: UInt64) {
        random = SeededRandom(node: node, seed: seed)
    }

    /// The next identity, greater than every one before it, whatever the clock says. Times before 1970 count as 1970.
    package mutating func next(unixNanoseconds: Int64) -> MessageID {
        let time = UInt64(max(0, unixNanoseconds))
        let milliseconds = time / 1_000_000
        let fraction = time % 1_000_000 * 4096 / 1_000_000
        let now = milliseconds << 12 | fraction
        if now > tick {
            tick = now
            tail = random.next() >> 2
        } else {
            tail += 1 + (random.next() >> 32)
            if tail >= Self.tailLimit {
                tick += 1
                tail = random.next() >> 2
            }
        }
        return MessageID(
            high: (tick >> 12) << 16 | 0x7000 | tick & 0xFFF,
            low: 1 << 63 | tail
        )
    }
}

/// xoshiro256** seeded by SplitMix64: different (node, seed) pairs always start in different states. *Value*. Not for secrets.
struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init(node: UInt64, seed: UInt64) {
        // Each word is a bijection of one input, so no pair can collide with another.
        state = (Self.mix(node), Self.mix(seed), Self.mix(node ^ 0xA5A5_A5A5_A5A5_A5A5), Self.mix(~seed) | 1)
        for _ in 0..<8 { _ = next() }
    }

    mutating func next() -> UInt64 {
        let result = Self.rotated(state.1 &* 5, by: 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = Self.rotated(state.3, by: 45)
        return result
    }

    /// The finaliser of SplitMix64.
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    private static func rotated(_ value: UInt64, by count: UInt64) -> UInt64 {
        value << count | value >> (64 - count)
    }
}

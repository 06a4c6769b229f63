/// A reproducible source of chance (SplitMix64). *Value.*
package struct Seeded: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The same seed gives the same sequence on every machine.
    package init(_ seed: UInt64) {
        // Scattered first: the steps of neighbouring seeds would be the same ones, moved by one.
        state = Self.scatter(seed &+ 0xD1B5_4A32_D192_ED03)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.scatter(state)
    }

    private static func scatter(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// True once in 1 / `probability` times.
    mutating func chance(_ probability: Double) -> Bool {
        Double(next() >> 11) < probability * 9_007_199_254_740_992
    }

    /// Evenly from the range; ends included.
    mutating func within(_ low: Int64, _ high: Int64) -> Int64 {
        guard high > low else { return low }
        return low + Int64(next(upperBound: UInt64(high - low) + 1))
    }

    /// Evenly from the range; ends included.
    mutating func within(_ low: Int, _ high: Int) -> Int { Int(within(Int64(low), Int64(high))) }

    /// From the range, each order of magnitude as likely as the next.
    mutating func spread(_ low: Int64, _ high: Int64) -> Int64 {
        var top = low
        while top < high, chance(0.7) { top = min(high, top * 4) }
        return within(low, max(low, top))
    }

    /// One of them.
    mutating func pick<T>(_ choices: [T]) -> T { choices[Int(next(upperBound: UInt64(choices.count)))] }
}

/// Nanoseconds, by name.
package enum Time {
    package static let millisecond: Int64 = 1_000_000
    package static let second: Int64 = 1_000_000_000
    package static let minute: Int64 = 60 * second
    package static let hour: Int64 = 60 * minute

    /// `12.345 s`.
    package static func text(_ time: Int64) -> String {
        let milliseconds = time / millisecond
        let fraction = String(1000 + abs(milliseconds % 1000)).dropFirst()
        return "\(milliseconds < 0 && milliseconds > -1000 ? "-" : "")\(milliseconds / 1000).\(fraction) s"
    }
}

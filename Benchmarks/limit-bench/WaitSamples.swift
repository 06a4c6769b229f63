/// Waits, for quantiles: all of them up to a million, then a fair sample (reservoir). *Value.*
struct WaitSamples {
    private var samples: [Int64] = []
    private(set) var count = 0
    private(set) var largest: Int64 = 0
    private var chance: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// One wait in nanoseconds.
    mutating func add(_ wait: Int64) {
        count += 1
        largest = max(largest, wait)
        guard samples.count >= 1 << 20 else { return samples.append(wait) }
        chance ^= chance << 13
        chance ^= chance >> 7
        chance ^= chance << 17
        let at = Int(chance % UInt64(count))
        if at < samples.count { samples[at] = wait }
    }

    /// Milliseconds at these quantiles; zeros without samples.
    func milliseconds(_ quantiles: [Double]) -> [Double] {
        let sorted = samples.sorted()
        return quantiles.map { q in
            sorted.isEmpty ? 0 : Double(sorted[min(sorted.count - 1, Int(q * Double(sorted.count)))]) / 1e6
        }
    }
}

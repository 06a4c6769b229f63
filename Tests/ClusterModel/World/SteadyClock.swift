/// The monotonic clock of one node: `true time * (1 + ppm / 1,000,000) + offset`. *Value.*
struct SteadyClock {
    let ppm: Int64
    let offset: Int64

    /// What the clock shows.
    @inline(__always)
    func reading(at time: Int64) -> Int64 { time + time * ppm / 1_000_000 + offset }

    /// The first moment at which the clock shows at least `reading`.
    func moment(of reading: Int64) -> Int64 {
        let elapsed = min(max(0, reading - offset), 1 << 50)
        // In two parts: the product of the whole would leave 64 bits after an hour.
        let divisor = 1_000_000 + ppm
        var time = elapsed / divisor * 1_000_000 + elapsed % divisor * 1_000_000 / divisor
        while time > 0, self.reading(at: time - 1) >= reading { time -= 1 }
        while self.reading(at: time) < reading, time < 1 << 50 { time += 1 }
        return time
    }
}

/// A rate limit as it is written: so many per period, with a burst. *Value.*
///
///     [local:]N/[k]period[,max_burst=B]        100/s   1,000/minute   20/30min   local:10/s,max_burst=1
package struct ThrottleSpec: Sendable, Hashable {
    /// How many per period, 1 to 1,000,000,000.
    package let limit: Int
    /// The period in nanoseconds; at least a second when it was parsed, so that one unit is never less than a nanosecond.
    package let periodNanoseconds: Int64
    /// How many may come at once; the limit unless said otherwise.
    package let maxBurst: Int
    /// Whether the limit counts on this node only, even when the nodes of a cluster share their limits.
    package let isLocal: Bool

    /// A rate from its parts. Counts and period below one are raised to one; the burst is the limit unless given.
    package init(limit: Int, periodNanoseconds: Int64, maxBurst: Int? = nil, isLocal: Bool = false) {
        self.limit = max(1, limit)
        self.periodNanoseconds = max(1, periodNanoseconds)
        self.maxBurst = max(1, maxBurst ?? limit)
        self.isLocal = isLocal
    }

    /// Reads the written form.
    package init(parsing text: String) throws(ConfigError) {
        guard text.utf8.count <= TextCheck.longestScalar else { throw Self.refusal(text, "it is too long") }
        var scanner = TextScanner(text)
        scanner.skipSpaces()
        let isLocal = scanner.take("local:")
        scanner.skipSpaces()
        guard let limit = scanner.takeCount() else { throw Self.refusal(text, "it must start with a number") }
        guard (1...Self.largestCount).contains(limit) else {
            throw Self.refusal(text, "the number must be from 1 to 1,000,000,000")
        }
        scanner.skipSpaces()
        guard scanner.take("/") else { throw Self.refusal(text, "'/' and a period must follow the number") }
        scanner.skipSpaces()
        let period = try Self.period(&scanner, in: text)
        scanner.skipSpaces()
        var burst = limit
        if scanner.take(",") {
            scanner.skipSpaces()
            guard scanner.take("max_burst") else { throw Self.refusal(text, "only ',max_burst=B' may follow the period") }
            scanner.skipSpaces()
            guard scanner.take("=") else { throw Self.refusal(text, "only ',max_burst=B' may follow the period") }
            scanner.skipSpaces()
            guard let count = scanner.takeCount(), (1...Self.largestCount).contains(count) else {
                throw Self.refusal(text, "max_burst must be from 1 to 1,000,000,000")
            }
            burst = count
            scanner.skipSpaces()
        }
        guard scanner.isAtEnd else {
            throw Self.refusal(text, "'\(TextCheck.shortened(scanner.rest))' is left over")
        }
        // What the burst alone stands for must stay far from the end of 64 bits: clocks are added to it.
        let (tolerance, overflow) = Int64(burst).multipliedReportingOverflow(by: period / Int64(limit) + 1)
        guard !overflow, tolerance <= Int64.max / 4 else {
            throw Self.refusal(text, "the burst is too large for so slow a rate")
        }
        self.init(limit: limit, periodNanoseconds: period, maxBurst: burst, isLocal: isLocal)
    }

    /// The shortest written form; reads back as the same rate.
    package var text: String {
        var period = "\(periodNanoseconds)ns"  // only for a rate made in code with a period that is not whole seconds
        for (name, unit) in [("d", DurationText.day), ("h", DurationText.hour), ("m", DurationText.minute), ("s", DurationText.second)]
        where periodNanoseconds % unit == 0 {
            let count = periodNanoseconds / unit
            period = count == 1 ? name : "\(count)\(name)"
            break
        }
        let burst = maxBurst == limit ? "" : ",max_burst=\(maxBurst)"
        return "\(isLocal ? "local:" : "")\(limit)/\(period)\(burst)"
    }

    private static let largestCount = 1_000_000_000
    private static let longestPeriod = 366 * DurationText.day

    private static func period(_ scanner: inout TextScanner, in text: String) throws(ConfigError) -> Int64 {
        var multiplier = 1
        if let byte = scanner.next, (0x30...0x39).contains(byte) {
            guard let number = scanner.takeDigits(), number >= 1, number <= 366 * 86_400 else {
                throw refusal(text, "the period must be from 1 second to 366 days")
            }
            multiplier = number
            scanner.skipSpaces()
        }
        let name = scanner.takeLetters()
        let unit: Int64
        switch name {
        case "s", "sec", "secs", "second", "seconds": unit = DurationText.second
        case "m", "min", "mins", "minute", "minutes": unit = DurationText.minute
        case "h", "hr", "hrs", "hour", "hours": unit = DurationText.hour
        case "d", "day", "days": unit = DurationText.day
        case "": throw refusal(text, "the period is missing")
        default: throw refusal(text, "the period '\(TextCheck.shortened(name))' is unknown")
        }
        let (period, overflow) = unit.multipliedReportingOverflow(by: Int64(multiplier))
        guard !overflow, period <= longestPeriod else { throw refusal(text, "the period must be from 1 second to 366 days") }
        return period
    }

    private static func refusal(_ text: String, _ reason: String) -> ConfigError {
        ConfigError(
            message: "'\(TextCheck.shortened(text))' is not a rate: \(reason); accepted: [local:]N/[k]PERIOD[,max_burst=B] "
                + "with PERIOD s, min, h or d (or second, minute, hour, day), such as '100/s', '1,000/minute', '20/30min'")
    }
}

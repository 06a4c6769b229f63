/// Durations as people write them: seconds, or `5m`, `1 hour 30 min`, `500ms`. *Value* (a namespace).
package enum DurationText {
    /// The longest duration that is accepted, a hundred years: unix time plus this fits into 64 bits of nanoseconds.
    package static let longest: Duration = .seconds(36_500 * 86_400)

    /// What is accepted, for error texts.
    package static let accepted = "a duration: a number of seconds, or a text like '90s', '5m', '1 hour 30 min', '1d' or '500ms'"

    /// Reads a value as a duration, for the named option. Numbers are seconds.
    package static func parse(_ value: ConfigValue, option: String) throws(ConfigError) -> Duration {
        let nanoseconds: Int64? =
            switch value {
            case .integer(let seconds): Self.nanoseconds(of: seconds)
            case .number(let seconds): Self.nanoseconds(of: seconds)
            case .string(let text): Self.nanoseconds(of: text)
            case .null, .bool, .list, .table: nil
            }
        guard let nanoseconds else {
            throw ConfigError(message: "option '\(option)' must be \(accepted); got \(value.shortText)", option: option)
        }
        return .nanoseconds(nanoseconds)
    }

    /// A duration in whole nanoseconds, saturated at the ends of 64 bits.
    package static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowToo) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        if overflow || overflowToo { return seconds < 0 ? .min : .max }
        return sum
    }

    /// A duration as text that reads back as the same duration, such as `1h30m`, `500ms`, `0s`.
    package static func text(_ duration: Duration) -> String {
        var rest = nanoseconds(duration)
        if rest <= 0 { return "0s" }
        var text = ""
        for (name, unit) in [("d", day), ("h", hour), ("m", minute), ("s", second), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)] {
            let (count, remainder) = rest.quotientAndRemainder(dividingBy: unit)
            if count > 0 { text += "\(count)\(name)" }
            rest = remainder
        }
        return text
    }

    /// Nanoseconds of a second.
    package static let second: Int64 = 1_000_000_000
    /// Nanoseconds of a minute.
    package static let minute: Int64 = 60 * second
    /// Nanoseconds of an hour.
    package static let hour: Int64 = 60 * minute
    /// Nanoseconds of a day.
    package static let day: Int64 = 24 * hour
    private static let longestNanoseconds: Int64 = 36_500 * day

    private static func nanoseconds(of seconds: Int64) -> Int64? {
        guard (0...longestNanoseconds / second).contains(seconds) else { return nil }
        return seconds * second
    }

    private static func nanoseconds(of seconds: Double) -> Int64? {
        guard seconds.isFinite, seconds >= 0, seconds <= Double(longestNanoseconds / second) else { return nil }
        return min(Int64((seconds * Double(second)).rounded()), longestNanoseconds)
    }

    private static func nanoseconds(of text: String) -> Int64? {
        guard text.utf8.count <= TextCheck.longestScalar else { return nil }
        var scanner = TextScanner(text)
        var total: Int64 = 0
        var parts = 0
        scanner.skipSpaces()
        while !scanner.isAtEnd {
            guard let whole = scanner.takeDigits() else { return nil }
            var billionths: Int64 = 0
            if scanner.take(".") {
                guard let fraction = scanner.takeBillionths() else { return nil }
                billionths = fraction
            }
            scanner.skipSpaces()
            let name = scanner.takeLetters()
            scanner.skipSpaces()
            // A number alone means seconds, as a number does that is no text; beside other parts it would be a slip.
            guard let unit = name.isEmpty && parts == 0 && scanner.isAtEnd ? second : unit(name) else { return nil }
            guard let part = scaled(whole, billionths, by: unit), part <= longestNanoseconds - total else { return nil }
            total += part
            parts += 1
        }
        return parts > 0 ? total : nil
    }

    private static func scaled(_ whole: Int, _ billionths: Int64, by unit: Int64) -> Int64? {
        let (product, overflow) = Int64(whole).multipliedReportingOverflow(by: unit)
        guard !overflow, product <= longestNanoseconds else { return nil }
        // unit is a multiple of a billion from a second up; below that fractions of a unit are rounded down.
        let fraction = unit >= second ? billionths * (unit / second) : billionths * unit / second
        return product + fraction
    }

    private static func unit(_ name: String) -> Int64? {
        switch name {
        case "ns", "nsec": 1
        case "us", "usec": 1_000
        case "ms", "msec", "millis", "millisecond", "milliseconds": 1_000_000
        case "s", "sec", "secs", "second", "seconds": second
        case "m", "min", "mins", "minute", "minutes": minute
        case "h", "hr", "hrs", "hour", "hours": hour
        case "d", "day", "days": day
        case "w", "week", "weeks": 7 * day
        default: nil
        }
    }
}

package import Options

extension ThrottleSpec {
    /// Reads the written form. The options may stand in either order, each at most once.
    package init(parsing text: String) throws(ConfigError) {
        guard text.utf8.count <= TextCheck.longestScalar else { throw Self.refusal(text, "it is too long") }
        var scanner = TextScanner(text)
        scanner.skipSpaces()
        let isLocal = scanner.take("local:")
        scanner.skipSpaces()
        let rate: (limit: Int, period: Int64)
        switch Self.readBare(&scanner) {
        case .success(let read): rate = read
        case .failure(let reason): throw Self.refusal(text, reason.text)
        }
        scanner.skipSpaces()
        var burst: Int?
        var loss: StoreLoss?
        while scanner.take(",") {
            scanner.skipSpaces()
            if burst == nil, scanner.take("max_burst") {
                guard Self.takeEquals(&scanner) else { throw Self.refusal(text, "'=' must follow 'max_burst'") }
                guard let count = scanner.takeCount(), (1...Self.largestCount).contains(count) else {
                    throw Self.refusal(text, "max_burst must be from 1 to 1,000,000,000")
                }
                burst = count
            } else if loss == nil, scanner.take("on_store_loss") {
                guard Self.takeEquals(&scanner) else { throw Self.refusal(text, "'=' must follow 'on_store_loss'") }
                switch StoreLoss.read(&scanner) {
                case .success(let read): loss = read
                case .failure(let reason): throw Self.refusal(text, "on_store_loss: \(reason.text)")
                }
            } else {
                throw Self.refusal(text, "only ',max_burst=B' and ',on_store_loss=…' may follow the period, once each")
            }
            scanner.skipSpaces()
        }
        guard scanner.isAtEnd else {
            throw Self.refusal(text, "'\(TextCheck.shortened(scanner.rest))' is left over")
        }
        // What the burst alone stands for must stay far from the end of 64 bits: clocks are added to it.
        let (tolerance, overflow) = Int64(burst ?? rate.limit).multipliedReportingOverflow(by: rate.period / Int64(rate.limit) + 1)
        guard !overflow, tolerance <= Int64.max / 4 else {
            throw Self.refusal(text, "the burst is too large for so slow a rate")
        }
        if isLocal, loss != nil {
            throw Self.refusal(text, "a local limit is in no store, so on_store_loss has nothing to say about it")
        }
        if case .floor(let floor)? = loss, Self.isFaster(floor, than: rate) {
            throw Self.refusal(text, "the floor is above the limit itself")
        }
        self.init(limit: rate.limit, periodNanoseconds: rate.period, maxBurst: burst, isLocal: isLocal, onStoreLoss: loss)
    }

    /// Reads `N/[k]PERIOD` where the scanner stands.
    static func readBare(_ scanner: inout TextScanner) -> Result<(limit: Int, period: Int64), RateReason> {
        guard let limit = scanner.takeCount() else { return .failure(RateReason("it must start with a number")) }
        guard (1...largestCount).contains(limit) else { return .failure(RateReason("the number must be from 1 to 1,000,000,000")) }
        scanner.skipSpaces()
        guard scanner.take("/") else { return .failure(RateReason("'/' and a period must follow the number")) }
        scanner.skipSpaces()
        return readPeriod(&scanner).map { (limit, $0) }
    }

    private static let largestCount = 1_000_000_000
    private static let longestPeriod = 366 * DurationText.day

    private static func takeEquals(_ scanner: inout TextScanner) -> Bool {
        scanner.skipSpaces()
        guard scanner.take("=") else { return false }
        scanner.skipSpaces()
        return true
    }

    /// Compared in 128 bits: a count times a period leaves 64.
    private static func isFaster(_ floor: ThrottleSpec, than rate: (limit: Int, period: Int64)) -> Bool {
        let a = Int64(floor.limit).multipliedFullWidth(by: rate.period)
        let b = Int64(rate.limit).multipliedFullWidth(by: floor.periodNanoseconds)
        return (a.high, a.low) > (b.high, b.low)
    }

    private static func readPeriod(_ scanner: inout TextScanner) -> Result<Int64, RateReason> {
        let bounds = RateReason("the period must be from 1 second to 366 days")
        var multiplier = 1
        if let byte = scanner.next, (0x30...0x39).contains(byte) {
            guard let number = scanner.takeDigits(), number >= 1, number <= 366 * 86_400 else { return .failure(bounds) }
            multiplier = number
            scanner.skipSpaces()
        }
        let unit: Int64
        switch scanner.takeLetters() {
        case "s", "sec", "secs", "second", "seconds": unit = DurationText.second
        case "m", "min", "mins", "minute", "minutes": unit = DurationText.minute
        case "h", "hr", "hrs", "hour", "hours": unit = DurationText.hour
        case "d", "day", "days": unit = DurationText.day
        case "": return .failure(RateReason("the period is missing"))
        case let name: return .failure(RateReason("the period '\(TextCheck.shortened(name))' is unknown"))
        }
        let (period, overflow) = unit.multipliedReportingOverflow(by: Int64(multiplier))
        return !overflow && period <= longestPeriod ? .success(period) : .failure(bounds)
    }

    private static func refusal(_ text: String, _ reason: String) -> ConfigError {
        ConfigError(
            message: "'\(TextCheck.shortened(text))' is not a rate: \(reason); accepted: [local:]N/[k]PERIOD[,max_burst=B]"
                + "[,on_store_loss=share|closed|local|floor:N/PERIOD] with PERIOD s, min, h or d (or second, minute, hour, day), "
                + "such as '100/s', '1,000/minute', '20/30min'")
    }
}

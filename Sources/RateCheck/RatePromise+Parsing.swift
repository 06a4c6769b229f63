extension RatePromise {
    /// Reads `1000/s`, `6_000/min`, `20/30min`, `100000/day`.
    package init(parsing text: String) throws(CheckError) {
        let error = CheckError(
            .option, "'\(text.prefix(80))' is not a rate: write N/[k]PERIOD with s, min, h or d, such as 1000/s or 20/30min")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0].filter { $0 != "_" && $0 != "," }), (1...1_000_000_000).contains(count) else {
            throw error
        }
        let digits = parts[1].prefix { $0.isASCII && $0.isNumber }
        guard let many = digits.isEmpty ? 1 : Int64(digits), (1...31_622_400).contains(many) else { throw error }
        let unit: Int64
        switch parts[1].dropFirst(digits.count) {
        case "s", "sec", "second", "seconds": unit = 1
        case "m", "min", "minute", "minutes": unit = 60
        case "h", "hr", "hour", "hours": unit = 3600
        case "d", "day", "days": unit = 86_400
        default: throw error
        }
        guard many * unit <= 31_622_400 else { throw error }
        self.init(limit: count, period: many * unit * 1_000_000_000)
    }
}

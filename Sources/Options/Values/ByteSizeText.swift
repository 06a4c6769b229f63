/// Sizes as people write them: bytes, or `20 MiB`, `512KB`, `10G`. *Value* (a namespace).
package enum ByteSizeText {
    /// What is accepted, for error texts.
    static let accepted = "a size: a number of bytes, or a text like '20 MiB' (x1024) or '20 MB' (x1000)"

    /// The largest size that is accepted: the sum of two sizes never overflows.
    static let largest = Int.max / 2

    /// A size as text that reads back as the same, such as `20 MiB`; the unit is the largest that leaves a whole number.
    package static func text(_ bytes: Int) -> String {
        for (name, unit) in [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes >= unit && bytes % unit == 0 {
            return "\(bytes / unit) \(name)"
        }
        return WholeNumberText.grouped(bytes)
    }

    /// Reads a value as a number of bytes, for the named option.
    ///
    /// Units with an `i` count in 1024s (`KiB`, `Mi`), those without in 1000s (`kB`, `M`), as in Kubernetes.
    package static func parse(_ value: ConfigValue, option: String) throws(ConfigError) -> Int {
        if let bytes = bytes(value) { return bytes }
        throw ConfigError(message: "option '\(option)' must be \(accepted); got \(value.shortText)", option: option)
    }

    static func bytes(_ value: ConfigValue) -> Int? {
        if let number = value.integerValue { return (0...Int64(largest)).contains(number) ? Int(number) : nil }
        guard let text = value.stringValue, text.utf8.count <= TextCheck.longestScalar else { return nil }
        var scanner = TextScanner(text)
        scanner.skipSpaces()
        guard let count = scanner.takeCount() else { return nil }
        scanner.skipSpaces()
        let name = scanner.takeLetters()
        scanner.skipSpaces()
        guard scanner.isAtEnd, let unit = unit(name) else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow || bytes > largest ? nil : bytes
    }

    private static func unit(_ name: String) -> Int? {
        switch name.lowercased() {
        case "", "b", "byte", "bytes": 1
        case "k", "kb": 1_000
        case "m", "mb": 1_000_000
        case "g", "gb": 1_000_000_000
        case "t", "tb": 1_000_000_000_000
        case "ki", "kib": 1 << 10
        case "mi", "mib": 1 << 20
        case "gi", "gib": 1 << 30
        case "ti", "tib": 1 << 40
        default: nil
        }
    }
}

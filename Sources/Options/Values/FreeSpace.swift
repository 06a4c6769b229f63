/// How much of a file system must stay free: a share of it, or an amount. *Value.*
///
/// For inodes the amount is a count of inodes.
package enum FreeSpace: Sendable, Hashable {
    /// Percent of the whole, 0 to 100.
    case percent(Int)
    /// Bytes, or inodes.
    case bytes(Int)

    /// Reads `10%`, a number, or a size such as `5GiB`, for the named option.
    package init(_ value: ConfigValue, option: String) throws(ConfigError) {
        if let text = value.stringValue, text.utf8.count <= TextCheck.longestScalar {
            var scanner = TextScanner(text)
            scanner.skipSpaces()
            if let percent = scanner.takeDigits() {
                scanner.skipSpaces()
                if scanner.take("%") {
                    scanner.skipSpaces()
                    if scanner.isAtEnd, percent <= 100 {
                        self = .percent(percent)
                        return
                    }
                }
            }
        }
        guard let bytes = ByteSizeText.bytes(value) else {
            throw ConfigError(
                message: "option '\(option)' must be whole percent from '0%' to '100%', or \(ByteSizeText.accepted); "
                    + "got \(value.shortText)", option: option)
        }
        self = .bytes(bytes)
    }

    /// The written form; reads back as the same.
    package var text: String {
        switch self {
        case .percent(let percent): "\(percent)%"
        case .bytes(let bytes): ByteSizeText.text(bytes)
        }
    }

    /// Whether what is free is less than what must stay free. Division-free, so an empty file system is never a trap.
    package func isViolated(free: UInt64, total: UInt64) -> Bool {
        switch self {
        case .bytes(let least): return free < UInt64(least)
        case .percent(let percent):
            let have = free.multipliedFullWidth(by: 100)
            let need = total.multipliedFullWidth(by: UInt64(percent))
            return (have.high, have.low) < (need.high, need.low)
        }
    }
}

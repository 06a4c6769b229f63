import Platform

extension OptionReader {
    /// A list of texts that pass a check. A single text counts as a list of one.
    func texts(
        _ option: String, _ fallback: [String] = [], _ accepted: String, where isAccepted: (String) -> Bool
    ) throws(ConfigError) -> [String] {
        guard let value = value(option) else { return fallback }
        let items: [ConfigValue]
        if value.stringValue != nil {
            items = [value]
        } else if let list = value.listValue {
            items = list
        } else {
            throw mustBe(option, "a list of \(accepted)", value)
        }
        guard items.count <= Self.longestList else {
            throw schema.fail(option, "must have at most \(Self.longestList) entries; got \(items.count)")
        }
        var texts: [String] = []
        texts.reserveCapacity(items.count)
        for item in items {
            guard let text = item.stringValue, isAccepted(text) else {
                throw mustBe(option, "a list of \(accepted)", item)
            }
            texts.append(text)
        }
        return texts
    }

    /// A list of IP addresses and networks.
    func networks(_ option: String, _ fallback: [String]) throws(ConfigError) -> NetworkList {
        let accepted = "IP addresses or networks such as '192.0.2.1', '10.0.0.0/8' or '2001:db8::/32'"
        let given = try texts(option, fallback, accepted) { CIDR($0) != nil }
        do throws(UnreadableNetwork) { return try NetworkList(given) } catch {
            throw mustBe(option, "a list of \(accepted)", .string(error.text))
        }
    }

    /// A list of names, of header fields or of metadata; a trailing `*` matches any rest.
    func names(_ option: String) throws(ConfigError) -> [String] {
        try texts(option, [], "names of 1 to 255 bytes without control characters", where: TextCheck.isName)
    }

    /// A table of anything; empty when not given.
    func table(_ option: String, _ accepted: String = "a table") throws(ConfigError) -> [String: ConfigValue] {
        guard let value = value(option) else { return [:] }
        guard let table = value.tableValue else { throw mustBe(option, accepted, value) }
        return table
    }

    /// What must stay free of a file system; a tenth when not given.
    func freeSpace(_ option: String) throws(ConfigError) -> FreeSpace {
        guard let value = value(option) else { return .percent(10) }
        do throws(ConfigError) {
            return try FreeSpace(value, option: option)
        } catch {
            throw inTable(error)
        }
    }

    private static let longestList = 100_000
}

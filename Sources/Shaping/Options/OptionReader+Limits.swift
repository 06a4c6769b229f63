extension OptionReader {
    /// A connection limit as written: a number, or `local:N`.
    struct ConnectionLimit {
        /// How many.
        let count: Int
        /// Whether it counts on this node only.
        let isLocal: Bool
    }

    /// A rate; nil when not given.
    func throttle(_ option: String) throws(ConfigError) -> ThrottleSpec? {
        guard let value = value(option) else { return nil }
        return try throttle(value, option)
    }

    /// A table of named rates.
    func throttles(_ option: String) throws(ConfigError) -> [String: ThrottleSpec] {
        var rates: [String: ThrottleSpec] = [:]
        for (name, value) in try namedValues(option, "rates such as { daily = '100000/d' }") {
            rates[name] = try throttle(value, option, name)
        }
        return rates
    }

    /// A connection limit.
    func connectionLimit(_ option: String, _ fallback: Int) throws(ConfigError) -> ConnectionLimit {
        guard let value = value(option) else { return ConnectionLimit(count: fallback, isLocal: false) }
        return try connectionLimit(value, option)
    }

    /// A table of named connection limits.
    func connectionLimits(_ option: String) throws(ConfigError) -> [String: ConnectionLimit] {
        var limits: [String: ConnectionLimit] = [:]
        for (name, value) in try namedValues(option, "limits such as { shared = 100 }") {
            limits[name] = try connectionLimit(value, option, name)
        }
        return limits
    }

    /// The entries of a table option in order of their names; names that could not be keys of a limit are refused.
    private func namedValues(
        _ option: String, _ accepted: String
    ) throws(ConfigError) -> [(String, ConfigValue)] {
        guard let value = value(option) else { return [] }
        guard let table = value.tableValue else { throw mustBe(option, "a table of named \(accepted)", value) }
        guard table.count <= Self.mostNamedLimits else {
            throw schema.fail(option, "must have at most \(Self.mostNamedLimits) entries; got \(table.count)")
        }
        var entries: [(String, ConfigValue)] = []
        for (name, value) in table.sorted(by: { $0.key < $1.key }) where !value.isNull {
            guard TextCheck.isName(name) else {
                throw schema.fail(option, "has the name '\(TextCheck.shortened(name))'; a name must be \(Self.nameText)")
            }
            entries.append((name, value))
        }
        return entries
    }

    private func throttle(_ value: ConfigValue, _ option: String, _ name: String? = nil) throws(ConfigError) -> ThrottleSpec {
        let label = name.map { ".\(TextCheck.shortened($0))" } ?? ""
        guard let text = value.stringValue else {
            throw mustBe(option + label, "a rate such as '100/s', '1,000/minute' or '20/30min,max_burst=5'", value)
        }
        do throws(ConfigError) {
            return try ThrottleSpec(parsing: text)
        } catch {
            throw schema.fail(option + label, "is wrong: \(error.message)")
        }
    }

    private func connectionLimit(
        _ value: ConfigValue, _ option: String, _ name: String? = nil
    ) throws(ConfigError) -> ConnectionLimit {
        var isLocal = false
        var count = value.integerValue.flatMap { Int(exactly: $0) }
        if let text = value.stringValue, text.utf8.count <= TextCheck.longestScalar {
            var scanner = TextScanner(text)
            isLocal = scanner.take("local:")
            count = scanner.takeCount()
            if !scanner.isAtEnd { count = nil }
        }
        guard let count, (1...Self.mostConnections).contains(count) else {
            let label = name.map { ".\(TextCheck.shortened($0))" } ?? ""
            throw mustBe(option + label, "a whole number from 1 to \(Self.mostConnections), or a text 'local:N'", value)
        }
        return ConnectionLimit(count: count, isLocal: isLocal)
    }

    static let mostConnections = 1_000_000
    private static let mostNamedLimits = 256
}

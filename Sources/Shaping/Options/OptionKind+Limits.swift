package import Options

extension OptionKind where Value == ConnectionLimit {
    /// A connection limit.
    package static var connectionLimit: OptionKind {
        OptionKind(
            "a whole number from 1 to \(ConnectionLimit.most), or a text 'local:N'",
            values: "1 to \(WholeNumberText.grouped(ConnectionLimit.most)), or `'local:N'`", text: \.text, parse: ConnectionLimit.init)
    }
}

extension OptionKind where Value == ThrottleSpec {
    /// A rate.
    package static var rate: OptionKind {
        OptionKind(
            "a rate such as '100/s', '1,000/minute' or '20/30min,max_burst=5'", values: "[rate](limits.md#writing-a-rate)", text: \.text,
            parsing: ThrottleSpec.init(parsing:))
    }
}

extension OptionKind where Value == StoreLoss {
    /// What a limit does without its store.
    package static var storeLoss: OptionKind {
        OptionKind(
            StoreLoss.accepted, values: "`'closed'`, `'share'`, `'local'`, `'floor:COUNT/PERIOD'`", text: { "'\($0.text)'" },
            parsing: StoreLoss.init(parsing:))
    }
}

extension OptionKind {
    /// Limits under names of their own: `{ shared = 100 }`. Names that could not be keys of a limit are refused.
    package static func named<Limit: Sendable>(_ kind: OptionKind<Limit>, like example: String) -> OptionKind
    where Value == [String: Limit] {
        let accepted = "a table of named \(example)"
        return OptionKind(accepted, values: "table", text: { $0.isEmpty ? "none" : "a table" }) {
            value, reader, option throws(ConfigError) in
            guard let table = value.tableValue else { throw reader.mustBe(option, accepted, value) }
            guard table.count <= 256 else { throw reader.fail(option, "must have at most 256 entries; got \(table.count)") }
            var limits: [String: Limit] = [:]
            for (name, value) in table.sorted(by: { $0.key < $1.key }) where !value.isNull {
                guard TextCheck.isName(name) else {
                    throw reader.fail(option, "has the name '\(TextCheck.shortened(name))'; a name must be \(TextCheck.nameText)")
                }
                limits[name] = try kind.read(value, reader, "\(option).\(TextCheck.shortened(name))")
            }
            return limits
        }
    }
}

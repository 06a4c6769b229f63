extension OptionKind where Value == Bool {
    /// A truth value.
    package static var bool: OptionKind { OptionKind("true or false", values: "true, false", text: { "\($0)" }, parse: \.boolValue) }
}

extension OptionKind where Value == Int {
    /// A whole number in a range.
    package static func int(_ range: ClosedRange<Int>) -> OptionKind {
        OptionKind(
            "a whole number from \(range.lowerBound) to \(range.upperBound)",
            values: "\(WholeNumberText.grouped(range.lowerBound)) to \(WholeNumberText.grouped(range.upperBound))",
            text: WholeNumberText.grouped
        ) { value in
            value.integerValue.flatMap { Int(exactly: $0) }.flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A number of bytes in a range.
    package static func bytes(_ range: ClosedRange<Int>) -> OptionKind {
        OptionKind(
            "\(ByteSizeText.accepted), from \(range.lowerBound) to \(range.upperBound) bytes",
            values: "\(ByteSizeText.text(range.lowerBound)) to \(ByteSizeText.text(range.upperBound))", text: ByteSizeText.text
        ) { value in
            ByteSizeText.bytes(value).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension OptionKind where Value == Duration {
    /// A duration from a millisecond to a year.
    package static var duration: OptionKind { duration(.milliseconds(1) ... .seconds(366 * 86_400)).showing("duration") }

    /// A duration in a range.
    package static func duration(_ range: ClosedRange<Duration>) -> OptionKind {
        let (first, last) = (DurationText.text(range.lowerBound), DurationText.text(range.upperBound))
        return OptionKind(
            "from \(first) to \(last)", values: "\(first) to \(last)", text: DurationText.text
        ) { value, reader, name throws(ConfigError) in
            let duration: Duration
            do throws(ConfigError) { duration = try DurationText.parse(value, option: name) } catch { throw reader.inTable(error) }
            guard range.contains(duration) else { throw reader.mustBe(name, "from \(first) to \(last)", value) }
            return duration
        }
    }
}

extension OptionKind where Value: RawRepresentable<String> & CaseIterable {
    /// One of the texts of an enumeration.
    package static var choice: OptionKind {
        let names = Value.allCases.map(\.rawValue)
        let quoted = names.map { "'\($0)'" }
        return OptionKind(
            "one of \(quoted.joined(separator: ", "))", values: quoted.map { "`\($0)`" }.joined(separator: ", "),
            text: { "'\($0.rawValue)'" }
        ) { value, reader, name throws(ConfigError) in
            if let text = value.stringValue, let choice = Value(rawValue: text) { return choice }
            let nearest = value.stringValue.flatMap { NearestName.suggestion(for: $0, among: names) }
            throw reader.fail(
                name,
                "must be one of \(quoted.joined(separator: ", ")); got \(value.shortText)"
                    + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
        }
    }
}

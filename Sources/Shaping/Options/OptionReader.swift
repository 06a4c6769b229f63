/// Reads the fields of one checked option table. *Value.*
struct OptionReader {
    /// The names the table knows.
    let schema: OptionSchema
    private let values: [String: ConfigValue]

    /// A reader, after every name of the table was checked against the schema.
    init(_ values: [String: ConfigValue], _ schema: OptionSchema) throws(ConfigError) {
        try schema.check(values)
        self.schema = schema
        self.values = values
    }

    /// The value of an option; nil when it is not given.
    func value(_ option: String) -> ConfigValue? {
        guard let value = values[option], !value.isNull else { return nil }
        return value
    }

    /// An error that says what an option must be, and what it is.
    func mustBe(_ option: String, _ accepted: String, _ value: ConfigValue) -> ConfigError {
        schema.fail(option, "must be \(accepted); got \(value.shortText)")
    }

    /// An error of a parser that knows the option but not the table.
    func inTable(_ error: ConfigError) -> ConfigError {
        ConfigError(message: "\(schema.owner): \(error.message)", option: error.option)
    }

    // MARK: Scalars

    /// A truth value; nil when not given.
    func optionalBool(_ option: String) throws(ConfigError) -> Bool? {
        guard let value = value(option) else { return nil }
        guard let bool = value.boolValue else { throw mustBe(option, "true or false", value) }
        return bool
    }

    /// A truth value.
    func bool(_ option: String, _ fallback: Bool) throws(ConfigError) -> Bool {
        try optionalBool(option) ?? fallback
    }

    /// A whole number in a range; nil when not given.
    func optionalInt(_ option: String, in range: ClosedRange<Int>) throws(ConfigError) -> Int? {
        guard let value = value(option) else { return nil }
        guard let number = value.integerValue, let int = Int(exactly: number), range.contains(int) else {
            throw mustBe(option, "a whole number from \(range.lowerBound) to \(range.upperBound)", value)
        }
        return int
    }

    /// A whole number in a range.
    func int(_ option: String, _ fallback: Int, in range: ClosedRange<Int>) throws(ConfigError) -> Int {
        try optionalInt(option, in: range) ?? fallback
    }

    /// A number of bytes in a range.
    func byteCount(_ option: String, _ fallback: Int, in range: ClosedRange<Int>) throws(ConfigError) -> Int {
        guard let value = value(option) else { return fallback }
        guard let bytes = ByteSizeText.bytes(value), range.contains(bytes) else {
            throw mustBe(
                option, "\(ByteSizeText.accepted), from \(range.lowerBound) to \(range.upperBound) bytes", value)
        }
        return bytes
    }

    /// A duration in a range; nil when not given.
    func optionalDuration(
        _ option: String, in range: ClosedRange<Duration> = .milliseconds(1) ... .seconds(366 * 86_400)
    ) throws(ConfigError) -> Duration? {
        guard let value = value(option) else { return nil }
        let duration: Duration
        do throws(ConfigError) {
            duration = try DurationText.parse(value, option: option)
        } catch {
            throw inTable(error)
        }
        guard range.contains(duration) else {
            throw mustBe(
                option, "from \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))", value)
        }
        return duration
    }

    /// A duration in a range.
    func duration(
        _ option: String, _ fallback: Duration, in range: ClosedRange<Duration> = .milliseconds(1) ... .seconds(366 * 86_400)
    ) throws(ConfigError) -> Duration {
        try optionalDuration(option, in: range) ?? fallback
    }

    /// One of the texts of an enumeration.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ option: String, _ fallback: Choice
    ) throws(ConfigError) -> Choice {
        guard let value = value(option) else { return fallback }
        if let text = value.stringValue, let choice = Choice(rawValue: text) { return choice }
        let names = Choice.allCases.map(\.rawValue)
        var error = "must be one of \(names.map { "'\($0)'" }.joined(separator: ", ")); got \(value.shortText)"
        if let text = value.stringValue, let nearest = NearestName.suggestion(for: text, among: names) {
            error += "; did you mean '\(nearest)'?"
        }
        throw schema.fail(option, error)
    }

    // MARK: Texts

    /// A text that passes a check; nil when not given.
    func optionalText(
        _ option: String, _ accepted: String, where isAccepted: (String) -> Bool
    ) throws(ConfigError) -> String? {
        guard let value = value(option) else { return nil }
        guard let text = value.stringValue, isAccepted(text) else { throw mustBe(option, accepted, value) }
        return text
    }

    /// A name: not empty, at most 255 bytes, without control characters; nil when not given.
    func optionalName(_ option: String) throws(ConfigError) -> String? {
        try optionalText(option, Self.nameText, where: TextCheck.isName)
    }

    /// A name that must be given.
    func name(_ option: String) throws(ConfigError) -> String {
        guard let name = try optionalName(option) else {
            throw schema.fail(option, "is required: \(Self.nameText)")
        }
        return name
    }

    /// A path of the file system that must be given.
    func path(_ option: String) throws(ConfigError) -> String {
        guard let path = try optionalPath(option) else { throw schema.fail(option, "is required: a directory") }
        return path
    }

    /// A path of the file system; nil when not given.
    func optionalPath(_ option: String) throws(ConfigError) -> String? {
        try optionalText(option, "a path of 1 to 4095 bytes without control characters", where: TextCheck.isPath)
    }

    /// A name that may follow EHLO; nil when not given.
    func optionalHelloDomain(_ option: String) throws(ConfigError) -> String? {
        try optionalText(
            option, "a host name in ASCII such as 'mail.example.com', or an address literal such as '[192.0.2.1]'",
            where: TextCheck.isHelloDomain)
    }

    /// Where to listen; must be given.
    func listenAddress(_ option: String) throws(ConfigError) -> ListenAddress {
        guard let value = value(option) else {
            throw schema.fail(option, "is required: ADDRESS:PORT such as '0.0.0.0:25' or '[::]:25'")
        }
        guard let text = value.stringValue else {
            throw mustBe(option, "a text ADDRESS:PORT such as '0.0.0.0:25' or '[::]:25'", value)
        }
        do throws(ConfigError) {
            return try ListenAddress(parsing: text)
        } catch {
            throw schema.fail(option, "is wrong: \(error.message)")
        }
    }

    static let nameText = "a text of 1 to 255 bytes without control characters"
}

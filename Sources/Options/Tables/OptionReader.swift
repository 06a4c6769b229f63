/// Reads the options of one checked table. *Value.*
package struct OptionReader: Sendable {
    /// The names the table knows.
    package let schema: OptionSchema
    private let values: [String: ConfigValue]

    /// A reader, after every name of the table was checked against the schema.
    package init(_ values: [String: ConfigValue], _ schema: OptionSchema) throws(ConfigError) {
        try schema.check(values)
        self.schema = schema
        self.values = values
    }

    /// The value of an option; nil when it is not given.
    package func value(_ option: String) -> ConfigValue? {
        guard let value = values[option], !value.isNull else { return nil }
        return value
    }

    /// An error about one option of this table.
    package func fail(_ option: String, _ text: String) -> ConfigError { schema.fail(option, text) }

    /// An error that says what an option must be, and what it is.
    package func mustBe(_ option: String, _ accepted: String, _ value: ConfigValue) -> ConfigError {
        schema.fail(option, "must be \(accepted); got \(value.shortText)")
    }

    /// An error of a parser that knows the option but not the table.
    package func inTable(_ error: ConfigError) -> ConfigError {
        ConfigError(message: "\(schema.owner): \(error.message)", option: error.option)
    }
}

/// What values an option takes: how they are checked and read, and how they are written down. *Value.*
package struct OptionKind<Value: Sendable>: Sendable {
    /// What an option of this kind must be, for error texts: `a whole number from 1 to 65535`.
    package let accepted: String
    /// The same for a column of a table of the documentation: `1 to 65535`.
    package let values: String
    /// A value as a policy writes it.
    package let text: @Sendable (Value) -> String
    /// Reads what is given. The reader and the name are there for errors.
    package let read: @Sendable (ConfigValue, OptionReader, String) throws(ConfigError) -> Value

    /// A kind from its parts.
    package init(
        _ accepted: String, values: String, text: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (ConfigValue, OptionReader, String) throws(ConfigError) -> Value
    ) {
        self.accepted = accepted
        self.values = values
        self.text = text
        self.read = read
    }

    /// A kind whose reader answers nil for what is not accepted.
    package init(
        _ accepted: String, values: String, text: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (ConfigValue) -> Value?
    ) {
        self.init(accepted, values: values, text: text) { value, reader, name throws(ConfigError) in
            guard let parsed = parse(value) else { throw reader.mustBe(name, accepted, value) }
            return parsed
        }
    }

    /// A kind whose text is read by a parser of its own, which says what is wrong.
    package init(
        _ accepted: String, values: String, text: @escaping @Sendable (Value) -> String,
        parsing: @escaping @Sendable (String) throws(ConfigError) -> Value
    ) {
        self.init(accepted, values: values, text: text) { value, reader, name throws(ConfigError) in
            guard let text = value.stringValue else { throw reader.mustBe(name, accepted, value) }
            do throws(ConfigError) { return try parsing(text) } catch { throw reader.fail(name, "is wrong: \(error.message)") }
        }
    }

    /// The same kind with another text in the documentation.
    package func showing(_ values: String) -> OptionKind {
        OptionKind(accepted, values: values, text: text, read: read)
    }
}

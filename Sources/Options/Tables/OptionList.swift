/// Everything an option table may hold: the one place where its names, types, defaults, ranges and lines of documentation are declared. *Value.*
///
/// The order is that of the documentation.
package struct OptionList<Table>: Sendable {
    /// What the table configures, for error texts, such as `egress path`.
    package var owner: String { schema.owner }
    /// The options, in the order in which they are shown.
    package let options: [OptionRow<Table>]
    /// The rule of each name.
    package let schema: OptionSchema

    /// The options of a table that configures `owner`.
    package init(_ owner: String, @OptionRows<Table> _ options: () -> [OptionRow<Table>]) {
        self.init(owner, options())
    }

    private init(_ owner: String, _ options: [OptionRow<Table>]) {
        self.options = options
        schema = OptionSchema(owner: owner, rules: Dictionary(uniqueKeysWithValues: options.map { ($0.name, $0.rule) }))
    }

    /// The same options under another name in error texts.
    package func named(_ owner: String) -> OptionList { OptionList(owner, options) }

    /// Checks every name and puts what is given into `table`. Answers the reader for what concerns several options.
    package func read(_ values: [String: ConfigValue], into table: inout Table) throws(ConfigError) -> OptionReader {
        let reader = try OptionReader(values, schema)
        for option in options { try option.read(reader, &table) }
        return reader
    }

    /// The options for a table that holds this one at `path`.
    package func under<Outer>(_ path: any WritableKeyPath<Outer, Table> & Sendable) -> [OptionRow<Outer>] { options.map { $0.under(path) } }
}

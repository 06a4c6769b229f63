/// One name of an option table: what becomes of its value, and what the documentation says. *Value.*
package struct OptionRow<Table>: Sendable {
    /// The name, as policies write it.
    package let name: String
    /// What becomes of it.
    package let rule: OptionRule
    /// What it does, in one line; Markdown.
    package let line: String
    /// Which values it takes, for a column.
    package let values: String
    /// Whether it must be given.
    package let isRequired: Bool
    /// Its default as the documentation shows it.
    let fallback: @Sendable (Table) -> String
    /// Puts what is given into the table; what is not given stays.
    let read: @Sendable (OptionReader, inout Table) throws(ConfigError) -> Void

    init(
        _ name: String, rule: OptionRule, line: String, values: String = "", isRequired: Bool = false,
        fallback: @escaping @Sendable (Table) -> String = { _ in "" },
        read: @escaping @Sendable (OptionReader, inout Table) throws(ConfigError) -> Void = { _, _ in }
    ) {
        self.name = name
        self.rule = rule
        self.line = line
        self.values = values
        self.isRequired = isRequired
        self.fallback = fallback
        self.read = read
    }

    /// An option whose default is what the property says. `shown`: how the documentation writes that default.
    package init<Value>(
        _ name: String, _ path: any WritableKeyPath<Table, Value> & Sendable, _ kind: OptionKind<Value>, shown: String? = nil,
        _ line: String
    ) {
        self.init(name, rule: .field, line: line, values: kind.values) {
            shown ?? kind.text($0[keyPath: path])
        } read: {
            reader, table throws(ConfigError) in
            guard let value = reader.value(name) else { return }
            table[keyPath: path] = try kind.read(value, reader, name)
        }
    }

    /// An option that may be left out. `none`: what the documentation says of that.
    package init<Value>(
        _ name: String, _ path: any WritableKeyPath<Table, Value?> & Sendable, _ kind: OptionKind<Value>, none: String = "none",
        _ line: String
    ) {
        self.init(name, rule: .field, line: line, values: kind.values) {
            $0[keyPath: path].map(kind.text) ?? none
        } read: {
            reader, table throws(ConfigError) in
            guard let value = reader.value(name) else { return }
            table[keyPath: path] = try kind.read(value, reader, name)
        }
    }

    /// An option that must be given; the property's own value is never seen.
    package static func required<Value>(
        _ name: String, _ path: any WritableKeyPath<Table, Value> & Sendable, _ kind: OptionKind<Value>, _ line: String
    ) -> OptionRow {
        required(name, kind, line) { $0[keyPath: path] = $1 }
    }

    /// An option that must be given where the property may also be empty, as in another table of the same type.
    package static func required<Value>(
        _ name: String, _ path: any WritableKeyPath<Table, Value?> & Sendable, _ kind: OptionKind<Value>, _ line: String
    ) -> OptionRow {
        required(name, kind, line) { $0[keyPath: path] = $1 }
    }

    private static func required<Value>(
        _ name: String, _ kind: OptionKind<Value>, _ line: String, put: @escaping @Sendable (inout Table, Value) -> Void
    ) -> OptionRow {
        OptionRow(
            name, rule: .field, line: line, values: kind.values, isRequired: true,
            read: { reader, table throws(ConfigError) in
                guard let value = reader.value(name) else { throw reader.fail(name, "is required: \(kind.accepted)") }
                put(&table, try kind.read(value, reader, name))
            })
    }

    /// A knob of the reference system's inside that has no counterpart here: checked for its type, then without effect.
    package static func ignored(_ name: String, _ shape: OptionShape) -> OptionRow { OptionRow(name, rule: .ignored(shape), line: "") }

    /// Names that are not supported yet, except for values that ask for nothing.
    package static func unsupported(_ names: String..., accepting: [OptionShape] = []) -> [OptionRow] {
        names.map { OptionRow($0, rule: .unsupported(accepting), line: "") }
    }

    /// The same option of a table that holds this one.
    func under<Outer>(_ path: any WritableKeyPath<Outer, Table> & Sendable) -> OptionRow<Outer> {
        let (fallback, read) = (fallback, read)
        return OptionRow<Outer>(
            name, rule: rule, line: line, values: values, isRequired: isRequired, fallback: { fallback($0[keyPath: path]) }
        ) { reader, table throws(ConfigError) in
            try read(reader, &table[keyPath: path])
        }
    }
}

/// Options written one below the other. *Value* (a namespace).
@resultBuilder
package enum OptionRows<Table> {
    /// One option.
    package static func buildExpression(_ option: OptionRow<Table>) -> [OptionRow<Table>] { [option] }
    /// Several options.
    package static func buildExpression(_ options: [OptionRow<Table>]) -> [OptionRow<Table>] { options }
    /// Options made in a loop.
    package static func buildArray(_ options: [[OptionRow<Table>]]) -> [OptionRow<Table>] { options.flatMap(\.self) }
    /// All of them.
    package static func buildBlock(_ options: [OptionRow<Table>]...) -> [OptionRow<Table>] { options.flatMap(\.self) }
}

/// A table of options that a policy may write, with its defaults. *Value.*
///
/// An option is declared once: a property with its default, and in `options` its name, the values it takes and what it does. Reading, errors, and
/// the tables of the documentation come from there; equality is the compiler's.
package protocol OptionTable: Sendable, Equatable {
    /// The defaults. What is required has a value that is never seen.
    init()
    /// Every name of the table.
    static var options: OptionList<Self> { get }
    /// Checks what concerns several options, after each was read.
    func finish(_ read: OptionReader) throws(ConfigError)
}

extension OptionTable {
    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        self.init()
        let reader = try Self.options.read(table, into: &self)
        try finish(reader)
    }

    /// The configuration of a table without options.
    package static var defaults: Self { Self() }

    /// Nothing concerns several options.
    package func finish(_ read: OptionReader) throws(ConfigError) {}
}

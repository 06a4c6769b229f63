/// One table that many hold: passing it on costs a reference, replacing it one pointer. *Shared* (immutable).
package final class Held<Table: OptionTable>: Sendable {
    /// The table.
    package let table: Table

    /// Holds a table.
    package init(_ table: Table) { self.table = table }

    /// The defaults.
    package static var defaults: Held { Held(.defaults) }
}

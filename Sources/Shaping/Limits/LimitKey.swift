/// The name under which a limit is counted; whoever uses the same name shares the limit. *Value.*
package struct LimitKey: Sendable, Hashable {
    /// The whole name, as the configuration gives it.
    package let name: String

    /// A key of that name.
    package init(name: String) { self.name = name }
}

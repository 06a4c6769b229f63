/// *Value*: the kinds of rules and where the API has them.
package enum RuleKind: String, Sendable, CaseIterable {
    case suspend
    case suspendPath = "suspend-ready-q"
    case bounce
    case rebind

    var path: String { "/api/admin/\(rawValue)/v1" }
}

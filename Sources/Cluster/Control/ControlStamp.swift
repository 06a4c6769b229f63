/// The place of one change in the order of changes. *Value.*
struct ControlStamp: Sendable, Hashable {
    var version: Int64
    var node: String
}

extension ControlEntry {
    /// The place of this change.
    var stamp: ControlStamp { ControlStamp(version: version, node: node) }

    /// True when this change comes after the one at `stamp`.
    func supersedes(_ stamp: ControlStamp) -> Bool {
        if version != stamp.version { return version > stamp.version }
        return stamp.node.utf8.lexicographicallyPrecedes(node.utf8)
    }
}

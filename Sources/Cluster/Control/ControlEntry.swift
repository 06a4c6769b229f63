package import Platform

/// One thing that all nodes must know. *Value.*
///
/// Rules have a random id, facts a chosen one (`broken_tls:mx.example`). Of two entries with one id the higher `version` counts,
/// and of equal versions the one whose `node` sorts last; so all nodes agree in whatever order they hear of them.
package struct ControlEntry: Sendable, Equatable {
    /// 32 hexadecimal digits, or a chosen name for a fact; visible US-ASCII, at most 256 bytes. Empty = `issue` chooses one.
    package var id: String
    /// What it is about.
    package var kind: ControlKind
    /// What it acts on.
    package var scope: ControlScope
    /// JSON, or "".
    package var payload: String
    /// Why, in the words of the issuer.
    package var reason: String
    /// Who, and from where.
    package var issuer: String
    /// The node where this version was issued.
    package var node: String
    /// When this version was issued, unix nanoseconds. In a tombstone: when it was removed.
    package var created: Int64
    /// When it ends, unix nanoseconds; nil = when it is removed. In a tombstone: when the tombstone is forgotten.
    package var expires: Int64?
    /// The order of changes, from 1.
    package var version: Int64
    /// True for a tombstone: what had this id was removed.
    package var isRemoved: Bool
    /// When it ends here. Set when it is learned.
    package internal(set) var end = LocalEnd()

    /// An entry; `ControlState.issue` fills in id (when empty), node, created and version.
    package init(
        id: String = "", kind: ControlKind, scope: ControlScope = ControlScope(), payload: String = "", reason: String = "",
        issuer: String = "", node: String = "", created: Int64 = 0, expires: Int64? = nil, version: Int64 = 0, isRemoved: Bool = false
    ) {
        self.id = id
        self.kind = kind
        self.scope = scope
        self.payload = payload
        self.reason = reason
        self.issuer = issuer
        self.node = node
        self.created = created
        self.expires = expires
        self.version = version
        self.isRemoved = isRemoved
    }

    /// True when it has ended.
    package func isExpired(at now: MonotonicInstant) -> Bool { end.instant <= now }

    /// True when it has ended by a wall clock that says `now`.
    func isExpired(byWall now: Int64) -> Bool { expires.map { $0 <= now } ?? false }

    /// True when it has effect: neither removed nor ended.
    package func isLive(at now: MonotonicInstant) -> Bool { !isRemoved && !isExpired(at: now) }

    /// True when this change comes after `other` in the order on which all nodes agree.
    package func supersedes(_ other: ControlEntry) -> Bool {
        if version != other.version { return version > other.version }
        return other.node.utf8.lexicographicallyPrecedes(node.utf8)
    }
}

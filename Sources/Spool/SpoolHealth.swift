/// Whether the spool takes mail. *value*.
package enum SpoolHealth: Sendable, Equatable {
    case ok
    /// No room, or under the floor; passes when space returns.
    case full(String)
    /// The directory was removed, renamed or covered by another; passes when the same one is back.
    case missing(String)
    /// The volume failed; no append in this process any more. Reads go on.
    case fenced(String)
}

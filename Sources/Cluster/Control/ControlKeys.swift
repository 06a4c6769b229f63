/// The names of what the control plane keeps in the store. All share one hash tag, so one script may touch them all. *Value.*
struct ControlKeys: Sendable {
    /// A random word, made with the data and lost with them.
    let epoch: String
    /// Counts changes; never below the highest version.
    let version: String
    /// Hash: id -> entry. The truth.
    let entries: String
    /// Stream: the ids of what changed.
    let events: String
    /// The channel of the hints. Not a key, but named like one, so that one pattern of an ACL covers all.
    let hints: String
    /// Hash: node -> member.
    let members: String
    private let base: String

    init(prefix: String) {
        base = prefix + ":1:{c}:"
        epoch = base + "epoch"
        version = base + "version"
        entries = base + "entries"
        events = base + "events"
        hints = base + "hints"
        members = base + "members"
    }

    /// The keys of the scripts of the control plane.
    var control: [String] { [epoch, version, entries, events] }

    /// Hash: the counts of one series.
    func count(_ series: String) -> String { base + "count:" + series }

    /// Who claimed an action.
    func claim(_ action: String) -> String { base + "claim:" + action }
}

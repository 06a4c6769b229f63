/// The actions this node has claimed. *State machine*, bounded.
///
/// It answers when the store cannot: then each node that is cut off acts once, which is the safe side for an action that protects a
/// reputation. And what this node has done itself it does not ask for again.
struct ClaimTable: Sendable {
    static let limit = 10_000

    private var ends: [String: Int64] = [:]

    /// True when this node's own claim still holds.
    func holds(_ action: String, now: Int64) -> Bool { ends[action].map { $0 > now } ?? false }

    /// Notes a claim. False when one holds already, or when there are too many to know.
    mutating func claim(_ action: String, for life: Int64, now: Int64) -> Bool {
        guard !holds(action, now: now) else { return false }
        if ends.count >= Self.limit { ends = ends.filter { $0.value > now } }
        guard ends.count < Self.limit else { return false }
        ends[action] = now &+ max(0, life)
        return true
    }
}

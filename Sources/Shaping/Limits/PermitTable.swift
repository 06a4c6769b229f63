/// The limits of a root, by key: how many permits are out, and who may have some to spare. *State machine.*
struct PermitTable: Sendable {
    private struct Entry: Sendable {
        var held = 0
        var holders: [any PermitHolder] = []
    }

    private var entries: [LimitKey: Entry] = [:]
    private let capacity: Int

    /// An empty table.
    init(capacity: Int) { self.capacity = capacity }

    /// How many keys are remembered.
    var count: Int { entries.count }

    /// Hands out up to `want` permits; 0 when none is free.
    ///
    /// More than one only while plenty are free, so that one holder's spare is seldom another's need.
    mutating func lease(_ key: LimitKey, limit: Int, want: Int) -> Int {
        guard entries[key] != nil || entries.count < capacity else { return 0 }
        let available = limit - entries[key, default: Entry()].held
        guard available > 0, want > 0 else { return 0 }
        let granted = min(want, max(1, available / 4))
        entries[key, default: Entry()].held += granted
        return granted
    }

    /// Takes permits back; a key with none out and nobody to ask is forgotten.
    mutating func giveBack(_ key: LimitKey, count: Int) {
        update(key) { $0.held = max(0, $0.held - max(0, count)) }
    }

    /// Remembers someone to ask when permits are short. Strongly: a weak reference might become the last one in here, and its end would
    /// come back
    /// to this table.
    mutating func enrol(_ holder: any PermitHolder, for key: LimitKey) {
        guard entries[key] != nil || entries.count < capacity else { return }
        entries[key, default: Entry()].holders.append(holder)
    }

    /// Forgets a holder.
    mutating func withdraw(_ holder: any PermitHolder, for key: LimitKey) {
        update(key) { $0.holders.removeAll { $0 === holder } }
    }

    /// Those who may have permits to spare.
    func holders(of key: LimitKey) -> [any PermitHolder] { entries[key]?.holders ?? [] }

    private mutating func update(_ key: LimitKey, _ change: (inout Entry) -> Void) {
        guard let index = entries.index(forKey: key) else { return }
        change(&entries.values[index])
        if entries.values[index].held == 0, entries.values[index].holders.isEmpty { entries.remove(at: index) }
    }
}

internal import Redis

/// What the store answered to a heartbeat. *Value*; nil = no answer of that script.
struct MemberReply: Sendable, Equatable {
    /// Records there are in the store.
    var size: Int
    /// Another living process uses this node's id.
    var isContested: Bool
    /// All members, when they were asked for; nil = they were not read.
    var members: [MemberRecord]?
    /// Records that could not be read.
    var flawed = 0

    init?(_ reply: RedisValue) {
        guard let parts = reply.array, parts.count >= 3, parts.count % 2 == 1, let now = parts[0].text.flatMap({ Int64($0) }),
            let size = parts[1].text.flatMap({ Int($0) }), let contested = parts[2].text
        else { return nil }
        self.size = size
        isContested = contested == "1"
        guard parts.count > 3 else { return }
        var members: [MemberRecord] = []
        for index in stride(from: 3, to: parts.count, by: 2) {
            if let node = parts[index].text, case .bytes(let field) = parts[index + 1],
                let record = Self.record(node, field, now: now)
            {
                members.append(record)
            } else {
                flawed += 1
            }
        }
        self.members = members.sorted { $0.node < $1.node }
    }

    /// Reads one field of the hash.
    static func record(_ node: String, _ field: [UInt8], now: Int64) -> MemberRecord? {
        let words = field.split(separator: 0x20, maxSplits: 6, omittingEmptySubsequences: false)
        guard words.count == 7 else { return nil }
        let numbers = words.prefix(6).map { UInt64(String(decoding: $0, as: UTF8.self)) }
        // 2^43 ms is the year 2248.
        guard let seen = numbers[0], let joined = numbers[1], let incarnation = numbers[2], let contested = numbers[5],
            seen < 1 << 43, joined < 1 << 43, contested < 1 << 43,
            var record = MemberRecord(node: node, incarnation: incarnation, json: words[6])
        else { return nil }
        // The store's clock may have been set back.
        record.lastSeen = max(0, now - Int64(seen))
        record.joined = Int64(joined) * 1_000_000
        record.status = status(afterMilliseconds: record.lastSeen)
        record.isContested = contested > 0 && now - Int64(contested) < 15_000
        return record
    }

    /// Suspect after 6 s, gone after 15 s.
    static func status(afterMilliseconds age: Int64) -> MemberRecord.Status { age < 6_000 ? .alive : age < 15_000 ? .suspect : .gone }
}

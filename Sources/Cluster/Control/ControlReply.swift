internal import Redis

/// What the store answered to a reading script. *Value*; nil = no answer of that script.
struct ControlReply: Sendable, Equatable {
    /// What the reader has to do.
    enum State: String, Sendable {
        /// Nothing is new.
        case same
        /// `values` are new.
        case part
        /// The whole hash must be read.
        case gap
    }

    var state: State
    var epoch: String
    var version: Int64
    /// The newest event there is.
    var newest: String
    /// The last event of this part.
    var last: String
    var values: [StoredEntry]

    init?(_ reply: RedisValue) {
        guard let parts = reply.array, parts.count >= 5, parts.count % 2 == 1, let state = parts[0].text.flatMap(State.init),
            let epoch = parts[1].text, let newest = parts[3].text, let last = parts[4].text,
            ControlPosition(epoch: epoch, event: newest).isValid, ControlPosition(epoch: epoch, event: last).isValid
        else { return nil }
        self.state = state
        self.epoch = epoch
        // A version that is no number comes from outside; it is repaired by the next change.
        version = parts[2].text.flatMap { Int64($0) } ?? 0
        self.newest = newest
        self.last = last
        values = stride(from: 5, to: parts.count, by: 2).map { StoredEntry(parts[$0 + 1], field: parts[$0].text ?? "") }
    }

    /// Where reading goes on after this part.
    var position: ControlPosition { ControlPosition(epoch: epoch, event: last) }
}

/// What the store answered to HSCAN. *Value*; nil = no such answer.
struct ScanReply: Sendable {
    /// Where the scan goes on; "0" = it is complete.
    var cursor: String
    var values: [StoredEntry]

    init?(_ reply: RedisValue) {
        guard let parts = reply.array, parts.count == 2, let cursor = parts[0].text, !cursor.isEmpty, cursor.utf8.count <= 20,
            cursor.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let fields = parts[1].array, fields.count % 2 == 0
        else { return nil }
        self.cursor = cursor
        values = stride(from: 0, to: fields.count, by: 2).map { StoredEntry(fields[$0 + 1], field: fields[$0].text ?? "") }
    }
}

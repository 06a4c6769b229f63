/// One event that is counted: a message sent, or a connection opened or closed. *Value.*
package struct CheckRecord: Sendable, Hashable {
    /// Nanoseconds of a monotonic clock that all records share.
    package var time: Int64
    /// What is limited, as a number of the `NameTable`.
    package var key: Int32
    /// Who did it, as a number of the `NameTable`; `NameTable.nobody` when the record does not say.
    package var node: Int32
    /// +1: opened, or sent. -1: closed.
    package var change: Int8

    /// A record.
    package init(time: Int64, key: Int32 = 0, node: Int32 = NameTable.nobody, change: Int8 = 1) {
        self.time = time
        self.key = key
        self.node = node
        self.change = change
    }

    /// The order of the check: by time; at the same nanosecond what opens comes first, because both ends of an interval belong to it.
    static func < (a: CheckRecord, b: CheckRecord) -> Bool {
        a.time != b.time ? a.time < b.time : a.change > b.change
    }
}

/// The id of an event in the stream: milliseconds and a number. *Value.*
struct EventID: Sendable, Hashable, Comparable {
    let milliseconds: UInt64
    let number: UInt64

    /// Before every event.
    static let none = EventID(milliseconds: 0, number: 0)

    private init(milliseconds: UInt64, number: UInt64) {
        self.milliseconds = milliseconds
        self.number = number
    }

    /// Reads "milliseconds-number".
    init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 2, let milliseconds = UInt64(String(decoding: parts[0], as: UTF8.self)),
            let number = UInt64(String(decoding: parts[1], as: UTF8.self))
        else { return nil }
        self.milliseconds = milliseconds
        self.number = number
    }

    static func < (left: EventID, right: EventID) -> Bool {
        (left.milliseconds, left.number) < (right.milliseconds, right.number)
    }
}

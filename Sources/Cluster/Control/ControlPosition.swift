/// How far this node has read what changed. *Value.*
struct ControlPosition: Sendable, Equatable {
    /// The life of the store it was read from: another epoch means that the store lost its data.
    var epoch: String
    /// The id of the last event that was read, "0-0" for none; "" = the whole store must be compared first.
    var event: String

    /// An epoch is 1 to 64 visible characters, an event id two numbers with a dash.
    var isValid: Bool {
        ControlEntry.isName(epoch, most: 64) && ControlEntry.isName(event, most: 48)
            && event.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || $0 == UInt8(ascii: "-") }
    }
}

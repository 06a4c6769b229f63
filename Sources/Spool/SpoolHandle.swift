/// The slot of a live message in the spool's index. *value*. Valid from its append or recovery until `done`.
///
/// The low 26 bits are the slot, the high 6 its generation, so that a handle used after `done` is noticed.
package struct SpoolHandle: Sendable, Hashable {
    /// The number itself.
    package let raw: UInt32
    /// The handle of that number.
    package init(raw: UInt32) { self.raw = raw }

    static let slotBits: UInt32 = 26
    static let slotMask: UInt32 = (1 << slotBits) - 1
    init(slot: UInt32, generation: UInt8) { raw = (UInt32(generation & 63) << Self.slotBits) | slot }
    var slot: UInt32 { raw & Self.slotMask }
    var generation: UInt8 { UInt8(raw >> Self.slotBits) }
}

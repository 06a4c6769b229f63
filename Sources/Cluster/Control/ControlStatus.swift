/// What an operator may want to know about the control plane of this node. *Value.*
package struct ControlStatus: Sendable, Equatable {
    /// Live entries.
    package var entries = 0
    /// Removals that are remembered.
    package var tombstones = 0
    /// Changes the cluster has not acknowledged.
    package var pending = 0
    /// Entries of the store that were refused, since the start.
    package var refused = 0
    /// Of these, orders that no node of the cluster had signed.
    package var forged = 0
    /// Entries that this node gave back to a store that had lost them, since the start.
    package var republished = 0
    /// Times the whole store was read, since the start.
    package var wholeReads = 0
    /// When the store was last read to its end, unix nanoseconds; 0 = never.
    package var contact: Int64 = 0
    /// Why the local copy could not be written, while it cannot.
    package var fileError: String?
}

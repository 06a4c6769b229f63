/// How records are written. *Value.*
package enum RecordForm: Sendable, Hashable {
    /// `monotonic_ns key [node]`, separated by spaces or tabs; or binary records, known by their first eight bytes.
    case rates
    /// `monotonic_ns key +1|-1 [node [session]]`; or binary records.
    case connections
    /// The detailed record of `apus sink`: time of acceptance, session, recipients, header, EHLO name, time of MAIL; separated by tabs.
    /// The key is the first recipient's domain, the node the EHLO name, the time that of MAIL or of acceptance.
    case sink(usesMailTime: Bool)

    /// How binary records begin: this, then 24 bytes each, little endian: time (8), key (4), node (4; -1 for none), change (1), zeros (7).
    package static let magic: [UInt8] = Array("APUSREC1".utf8)
    /// Bytes of a binary record.
    package static let binarySize = 24
}

/// A DNS record type by its number. *Value.*
package struct RecordType: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The number of the type.
    package let rawValue: UInt16

    /// The type of that number.
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// IPv4 address (RFC 1035).
    package static let a = RecordType(rawValue: 1)
    /// Name server (RFC 1035).
    package static let ns = RecordType(rawValue: 2)
    /// Alias (RFC 1035).
    package static let cname = RecordType(rawValue: 5)
    /// Name of an address (RFC 1035).
    package static let ptr = RecordType(rawValue: 12)
    /// Mail host (RFC 1035).
    package static let mx = RecordType(rawValue: 15)
    /// Text (RFC 1035).
    package static let txt = RecordType(rawValue: 16)
    /// IPv6 address (RFC 3596).
    package static let aaaa = RecordType(rawValue: 28)
    /// Service (RFC 2782).
    package static let srv = RecordType(rawValue: 33)
    /// Certificate of a service (RFC 6698).
    package static let tlsa = RecordType(rawValue: 52)

    package var description: String {
        switch self {
        case .a: "A"
        case .ns: "NS"
        case .cname: "CNAME"
        case .ptr: "PTR"
        case .mx: "MX"
        case .txt: "TXT"
        case .aaaa: "AAAA"
        case .srv: "SRV"
        case .tlsa: "TLSA"
        default: "TYPE\(rawValue)"
        }
    }
}

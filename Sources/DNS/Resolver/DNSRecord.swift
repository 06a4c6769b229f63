package import Platform

/// The data of one record. *Value.*
package enum DNSRecord: Sendable, Hashable {
    /// A or AAAA.
    case address(HostAddress)
    /// The host is `""` for the root, as in a null MX (RFC 7505).
    case mx(preference: Int, host: String)
    /// The strings of one record, joined (RFC 7208 3.3).
    case txt([UInt8])
    /// PTR, NS or CNAME.
    case name(String)
    /// Any other type: its data as it came.
    case other([UInt8])

    /// Reads record data; nil when it is not what the type prescribes. Any bytes are safe.
    package static func decode(_ type: RecordType, _ data: UnsafeRawBufferPointer) -> DNSRecord? {
        switch type {
        case .a:
            guard data.count == 4 else { return nil }
            return HostAddress(bytes: data).map { .address($0) }
        case .aaaa:
            guard data.count == 16 else { return nil }
            return HostAddress(bytes: data).map { .address($0) }
        case .mx:
            guard data.count >= 3 else { return nil }
            let preference = Int(data[0]) << 8 | Int(data[1])
            return DomainName.decode(wire: UnsafeRawBufferPointer(rebasing: data[2...]))
                .map { .mx(preference: preference, host: $0) }
        case .txt: return text(data).map { .txt($0) }
        case .ptr, .ns, .cname: return DomainName.decode(wire: data).map { .name($0) }
        default: return .other(Array(data))
        }
    }

    /// One or more counted strings that fill the data (RFC 1035 3.3.14).
    private static func text(_ data: UnsafeRawBufferPointer) -> [UInt8]? {
        guard !data.isEmpty else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(data.count)
        var position = 0
        while position < data.count {
            let length = Int(data[position])
            position += 1
            guard length <= data.count - position else { return nil }
            out.append(contentsOf: data[position..<position + length])
            position += length
        }
        return out
    }
}

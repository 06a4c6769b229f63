/// An IPv4 or IPv6 address. *Value.*
package enum HostAddress: Sendable, Hashable {
    /// In host order: 127.0.0.1 is `0x7f000001`.
    case v4(UInt32)
    /// The upper and lower half, in host order.
    case v6(high: UInt64, low: UInt64)

    /// The IPv4 address inside an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2), else the address itself.
    package var unmapped: HostAddress {
        guard case .v6(high: 0, let low) = self, low >> 32 == 0xffff else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }

    /// Whether it is an IPv4 address.
    package var isV4: Bool {
        if case .v4 = self { true } else { false }
    }

    /// Four or sixteen bytes in network order.
    package var bytes: [UInt8] {
        switch self {
        case .v4(let value):
            return (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
        case .v6(let high, let low):
            return [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) } }
        }
    }

    /// From four or sixteen bytes in network order; nil for any other count.
    package init?(bytes: UnsafeRawBufferPointer) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self = .v6(
                high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }

    /// The name whose PTR record names this address (RFC 1035 3.5, RFC 3596 2.5).
    package var reverseName: String {
        switch unmapped {
        case .v4(let value):
            return (0..<4).map { String(value >> (8 * UInt32($0)) & 255) }.joined(separator: ".") + ".in-addr.arpa"
        case .v6(let high, let low):
            let nibbles = [low, high].flatMap { half in (0..<16).map { String(half >> (4 * UInt64($0)) & 15, radix: 16) } }
            return nibbles.joined(separator: ".") + ".ip6.arpa"
        }
    }
}

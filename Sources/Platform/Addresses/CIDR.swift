/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address. *Value.*
///
/// IPv4-mapped IPv6 counts as IPv4, on both sides: `::ffff:10.0.0.1` is in `10.0.0.0/8`, else a prohibition could be
/// walked around by spelling.
package struct CIDR: Sendable, Hashable {
    /// The first address; bits past the prefix are zero.
    package let base: HostAddress
    /// Bits of the prefix.
    package let length: Int

    /// Nil unless `text` is an address with an optional prefix length. Bits past the prefix are dropped.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = HostAddress(String(parts[0])) else { return nil }
        var length = address.isV4 ? 32 : 128
        if parts.count == 2 {
            let digits = parts[1].utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                digits.count == 1 || digits.first != 0x30,
                let given = Int(parts[1]), given <= length
            else { return nil }
            length = given
        }
        if !address.isV4, length >= 96, address.unmapped.isV4 {
            self.init(base: address.unmapped, length: length - 96)
        } else {
            self.init(base: address, length: length)
        }
    }

    /// The block of `length` bits around `base`.
    package init(base: HostAddress, length: Int) {
        self.length = min(max(length, 0), base.isV4 ? 32 : 128)
        self.base = base.masked(to: self.length)
    }

    /// Whether the address is in the block.
    package func contains(_ address: HostAddress) -> Bool {
        let address = address.unmapped
        guard address.isV4 == base.isV4 else { return false }
        return address.masked(to: length) == base
    }

    /// As it is written: without the length when it is one address.
    package var text: String { length == (base.isV4 ? 32 : 128) ? base.text : "\(base.text)/\(length)" }
}

extension HostAddress {
    /// The address with all bits past the first `length` cleared.
    func masked(to length: Int) -> HostAddress {
        switch self {
        case .v4(let value): return .v4(length == 0 ? 0 : value & (UInt32.max << UInt32(32 - length)))
        case .v6(let high, let low):
            let highBits = min(length, 64)
            let lowBits = max(length - 64, 0)
            return .v6(
                high: highBits == 0 ? 0 : high & (UInt64.max << UInt64(64 - highBits)),
                low: lowBits == 0 ? 0 : low & (UInt64.max << UInt64(64 - lowBits)))
        }
    }
}

/// Blocks of addresses, asked as one. *Value.*
///
/// One hash lookup per distinct prefix length, so a list of ten thousand addresses costs what one does.
package struct CIDRSet: Sendable, Hashable {
    private struct Level: Sendable, Hashable {
        let length: Int
        let isV4: Bool
        var bases: Set<HostAddress>
    }

    private var levels: [Level] = []

    /// Hosts nothing is ever delivered to unless the policy says so: the loopback and unspecified addresses.
    package static let defaultProhibited = CIDRSet(
        ["127.0.0.0/8", "0.0.0.0", "::1", "::"].compactMap { CIDR($0) })

    package init(_ blocks: [CIDR] = []) {
        for block in blocks { insert(block) }
    }

    /// Reads every text; fails with the first that is no block.
    package init(parsing texts: [String]) throws(DNSError) {
        for text in texts {
            guard let block = CIDR(text) else {
                throw DNSError(
                    .invalidConfiguration, "\(text) is not an address or CIDR block",
                    remedy: "write 192.0.2.0/24, 2001:db8::/32 or a single address")
            }
            insert(block)
        }
    }

    package var isEmpty: Bool { levels.isEmpty }

    package mutating func insert(_ block: CIDR) {
        let isV4 = block.base.isV4
        if let index = levels.firstIndex(where: { $0.length == block.length && $0.isV4 == isV4 }) {
            levels[index].bases.insert(block.base)
        } else {
            levels.append(Level(length: block.length, isV4: isV4, bases: [block.base]))
        }
    }

    package func contains(_ address: HostAddress) -> Bool {
        let address = address.unmapped
        for level in levels where level.isV4 == address.isV4 {
            if level.bases.contains(address.masked(to: level.length)) { return true }
        }
        return false
    }
}

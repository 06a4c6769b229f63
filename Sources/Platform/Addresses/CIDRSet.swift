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

    /// The addresses of all these blocks.
    package init(_ blocks: [CIDR] = []) {
        for block in blocks { insert(block) }
    }

    /// Whether no address is in it.
    package var isEmpty: Bool { levels.isEmpty }

    /// Adds the addresses of a block.
    package mutating func insert(_ block: CIDR) {
        let isV4 = block.base.isV4
        if let index = levels.firstIndex(where: { $0.length == block.length && $0.isV4 == isV4 }) {
            levels[index].bases.insert(block.base)
        } else {
            levels.append(Level(length: block.length, isV4: isV4, bases: [block.base]))
        }
    }

    /// Whether the address is in one of the blocks; one look-up per length of prefix.
    package func contains(_ address: HostAddress) -> Bool {
        let address = address.unmapped
        for level in levels where level.isV4 == address.isV4 {
            if level.bases.contains(address.masked(to: level.length)) { return true }
        }
        return false
    }
}

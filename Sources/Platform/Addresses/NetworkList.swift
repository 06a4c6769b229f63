/// Addresses and networks as somebody wrote them, and the set they make: read once, asked for each address. *Value.*
///
/// A list with an entry that cannot be read is no list: what it was to keep out would come in.
package struct NetworkList: Sendable, Hashable {
    /// The entries as they were written.
    package let texts: [String]
    private var set: CIDRSet

    /// Reads every entry: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.
    package init(_ texts: [String]) throws(UnreadableNetwork) {
        var set = CIDRSet()
        for text in texts {
            guard let block = CIDR(text) else { throw UnreadableNetwork(text: text) }
            set.insert(block)
        }
        self.texts = texts
        self.set = set
    }

    private init(known texts: [String]) {
        self.texts = texts
        set = CIDRSet()
        for block in texts.compactMap({ CIDR($0) }) { set.insert(block) }
    }

    /// Nothing.
    package static let none = NetworkList(known: [])
    /// The loopback addresses, as lists of trusted clients begin.
    package static let loopback = NetworkList(known: ["127.0.0.1", "::1"])
    /// Every address that means this host.
    package static let thisHost = NetworkList(known: ["127.0.0.0/8", "0.0.0.0", "::1", "::"])

    /// Whether nothing is in it.
    package var isEmpty: Bool { texts.isEmpty }

    /// Whether the address, or the IPv4 address it maps, is in one of the networks.
    package func contains(_ address: HostAddress) -> Bool { set.contains(address) }

    package static func == (a: NetworkList, b: NetworkList) -> Bool { a.texts == b.texts }
    package func hash(into hasher: inout Hasher) { hasher.combine(texts) }
}

/// An entry that is neither an address nor a network. *Value.*
package struct UnreadableNetwork: Error, Hashable, CustomStringConvertible {
    /// The entry.
    package let text: String

    package var description: String {
        "'\(text)' is not an address or a network; write 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32"
    }
}

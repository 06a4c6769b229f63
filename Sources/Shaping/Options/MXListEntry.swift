package import Options

/// One host of a fixed list of mail hosts. *Value.*
package struct MXListEntry: Sendable, Hashable {
    /// The host's name, or its address where it has no name.
    package let name: String
    /// The address to connect to, where one is given; else the name is resolved.
    package let address: String?
    /// The port, where one is given.
    package let port: Int?

    /// An entry from its parts.
    package init(name: String, address: String? = nil, port: Int? = nil) {
        self.name = name
        self.address = address
        self.port = port
    }

    /// Reads `host`, `host:port`, `1.2.3.4:25`, `[::1]:25` or `{name=, addr=}`.
    package init(_ value: ConfigValue) throws(ConfigError) {
        if let text = value.stringValue, let pair = Self.pair(text) {
            self.init(name: pair.host, address: pair.isAddress ? pair.host : nil, port: pair.port)
            return
        }
        guard case .table(let table) = value else {
            throw ConfigError(
                message: "option 'mx_list' must be a list of hosts such as 'mx.example.com', 'mx.example.com:2525', '192.0.2.1:25', "
                    + "'[2001:db8::1]:25' or { name = 'mx', addr = '192.0.2.1:25' }; got \(value.shortText)", option: "mx_list")
        }
        let named = try Named(table)
        let pair = Self.pair(named.address)
        self.init(name: named.name, address: pair?.host, port: pair?.port)
    }

    /// A host with an address beside it. *Value.*
    private struct Named: OptionTable {
        var name = ""
        var address = ""

        static let options = OptionList<Named>("mx_list entry") {
            OptionRow.required("name", \.name, .name, "the name of the host, without a port")
            OptionRow.required(
                "addr", \.address,
                .text("an address such as '192.0.2.1', '192.0.2.1:25' or '[2001:db8::1]:25'", values: "address") {
                    pair($0)?.isAddress == true
                },
                "where to connect")
        }

        func finish(_ read: OptionReader) throws(ConfigError) {
            guard HostPort(name)?.host == name else {
                throw read.fail("name", "must be a host name without a port; got '\(TextCheck.shortened(name))'")
            }
        }
    }

    /// A host with a port that can be connected to.
    private static func pair(_ text: String) -> HostPort? {
        guard let pair = HostPort(text), pair.port != 0 else { return nil }
        return pair
    }
}

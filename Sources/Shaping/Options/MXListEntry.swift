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
        if case .table(let table) = value {
            let reader = try OptionReader(table, Self.options)
            let name = try reader.name("name")
            guard HostPort(name)?.host == name else {
                throw reader.schema.fail("name", "must be a host name without a port; got '\(TextCheck.shortened(name))'")
            }
            guard let address = reader.value("addr") else {
                throw reader.schema.fail("addr", "is required: an address such as '192.0.2.1' or '[2001:db8::1]:2525'")
            }
            guard let text = address.stringValue, let pair = Self.pair(text), pair.isAddress else {
                throw reader.mustBe("addr", "an address such as '192.0.2.1', '192.0.2.1:25' or '[2001:db8::1]:25'", address)
            }
            self.init(name: name, address: pair.host, port: pair.port)
            return
        }
        throw ConfigError(
            message: "option 'mx_list' must be a list of hosts such as 'mx.example.com', 'mx.example.com:2525', '192.0.2.1:25', "
                + "'[2001:db8::1]:25' or { name = 'mx', addr = '192.0.2.1:25' }; got \(value.shortText)", option: "mx_list")
    }

    private static let options = OptionSchema(owner: "mx_list entry", rules: ["name": .field, "addr": .field])

    /// A host with a port that can be connected to.
    private static func pair(_ text: String) -> HostPort? {
        guard let pair = HostPort(text), pair.port != 0 else { return nil }
        return pair
    }
}

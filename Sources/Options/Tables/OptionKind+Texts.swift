package import Platform

extension OptionKind where Value == String {
    /// A text that passes a check.
    package static func text(
        _ accepted: String, values: String, where isAccepted: @escaping @Sendable (String) -> Bool
    ) -> OptionKind {
        OptionKind(accepted, values: values, text: { "'\($0)'" }) { value in
            value.stringValue.flatMap { isAccepted($0) ? $0 : nil }
        }
    }

    /// A name: 1 to 255 bytes without control characters.
    package static var name: OptionKind { text(TextCheck.nameText, values: "name", where: TextCheck.isName) }

    /// A path of the file system.
    package static var path: OptionKind {
        text("a path of 1 to 4095 bytes without control characters", values: "path", where: TextCheck.isPath)
    }

    /// The name of a host, or an address literal.
    package static var hostName: OptionKind {
        text("a host name in ASCII such as 'mail.example.com'", values: "host name", where: TextCheck.isHelloDomain)
    }

    /// A name that may follow EHLO.
    package static var helloDomain: OptionKind {
        text(
            "a host name in ASCII such as 'mail.example.com', or an address literal such as '[192.0.2.1]'",
            values: "host name, or address literal", where: TextCheck.isHelloDomain)
    }
}

extension OptionKind where Value == ListenAddress {
    /// Where to listen.
    package static var listenAddress: OptionKind {
        OptionKind(
            "a text ADDRESS:PORT such as '0.0.0.0:25' or '[::]:25'", values: "address:port", text: { "'\($0.text)'" },
            parsing: ListenAddress.init(parsing:))
    }
}

extension OptionKind where Value == FreeSpace {
    /// What must stay free of a file system.
    package static var freeSpace: OptionKind {
        OptionKind("percent, or a size", values: "percent, or a size", text: \.text) { value, reader, name throws(ConfigError) in
            do throws(ConfigError) { return try FreeSpace(value, option: name) } catch { throw reader.inTable(error) }
        }
    }
}

extension OptionKind where Value == [String] {
    /// A list of texts that pass a check. A single text counts as a list of one.
    package static func texts(
        _ accepted: String, values: String, most: Int = 100_000, where isAccepted: @escaping @Sendable (String) -> Bool
    ) -> OptionKind {
        OptionKind(
            "a list of \(accepted)", values: values, text: { $0.isEmpty ? "none" : $0.map { "'\($0)'" }.joined(separator: ", ") }
        ) { value, reader, name throws(ConfigError) in
            let items: [ConfigValue]
            if value.stringValue != nil {
                items = [value]
            } else if let list = value.listValue {
                items = list
            } else {
                throw reader.mustBe(name, "a list of \(accepted)", value)
            }
            guard items.count <= most else { throw reader.fail(name, "must have at most \(most) entries; got \(items.count)") }
            var texts: [String] = []
            texts.reserveCapacity(items.count)
            for item in items {
                guard let text = item.stringValue, isAccepted(text) else { throw reader.mustBe(name, "a list of \(accepted)", item) }
                texts.append(text)
            }
            return texts
        }
    }

    /// A list of names, of header fields or of metadata.
    package static func names(most: Int = 100_000) -> OptionKind {
        texts("names of 1 to 255 bytes without control characters", values: "list of names", most: most, where: TextCheck.isName)
    }
}

extension OptionKind where Value == NetworkList {
    /// A list of IP addresses and networks.
    package static var networks: OptionKind<NetworkList> {
        let accepted = "IP addresses or networks such as '192.0.2.1', '10.0.0.0/8' or '2001:db8::/32'"
        let texts = OptionKind<[String]>.texts(accepted, values: "") { CIDR($0) != nil }
        return OptionKind(
            "a list of \(accepted)", values: "list of addresses and networks",
            text: { $0.isEmpty ? "none" : $0.texts.joined(separator: ", ") }
        ) { value, reader, name throws(ConfigError) in
            let given = try texts.read(value, reader, name)
            do throws(UnreadableNetwork) { return try NetworkList(given) } catch {
                throw reader.mustBe(name, "a list of \(accepted)", .string(error.text))
            }
        }
    }
}

extension OptionKind where Value == [String: ConfigValue] {
    /// A table of anything.
    package static func table(_ accepted: String = "a table") -> OptionKind {
        OptionKind(accepted, values: "table", text: { $0.isEmpty ? "none" : "a table" }, parse: \.tableValue)
    }
}

extension OptionKind where Value: OptionTable {
    /// A table of options inside the table.
    package static func table(like example: String) -> OptionKind {
        OptionKind("a table such as \(example)", values: "table", text: { _ in "`{}`" }) { value, reader, name throws(ConfigError) in
            guard let table = value.tableValue else { throw reader.mustBe(name, "a table such as \(example)", value) }
            return try Value(table)
        }
    }
}

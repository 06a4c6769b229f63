package import Options

/// Where a certificate, a key or a password comes from. *Value.* Its content is never in a text for people.
package enum KeySource: Sendable, Hashable {
    /// A file, read when it is needed and again when it changes.
    case file(String)
    /// The content itself.
    case data(String)

    /// How errors and logs call it.
    package var name: String {
        switch self {
        case .file(let path): path
        case .data: "key_data"
        }
    }
}

extension OptionKind where Value == KeySource {
    /// A path, or a table with the content.
    package static var keySource: OptionKind {
        OptionKind(
            "a path, or a table { key_data = '…' }", values: "path, or `{ key_data = '…' }`", text: { $0.name }
        ) { value, reader, name throws(ConfigError) in
            if let path = value.stringValue, TextCheck.isPath(path) { return .file(path) }
            // Said without the value: it may be a key.
            guard let table = value.tableValue else { throw reader.fail(name, "must be a path, or a table { key_data = '…' }") }
            if let other = table.keys.sorted().first(where: { $0 != "key_data" }) {
                let isKnown = other.hasPrefix("vault_") || other.hasPrefix("event_")
                throw reader.fail(
                    name,
                    isKnown
                        ? "is not supported yet by this version with '\(other)': write the key to a file and give its path"
                        : "has '\(TextCheck.shortened(other))', which is not an option of a key: give a path, or { key_data = '…' }")
            }
            guard let data = table["key_data"]?.stringValue, !data.isEmpty else {
                throw reader.fail(name, "'key_data' must be a text that is not empty")
            }
            return .data(data)
        }
    }
}

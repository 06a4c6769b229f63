/// How the messages of a queue leave the node. *Value.*
package enum DeliveryProtocol: Sendable, Hashable {
    /// By SMTP (or LMTP), to the hosts the DNS names, or to these hosts instead.
    case smtp(mxList: [MXListEntry]?)

    /// Reads `{ smtp = { mx_list = {…} } }`.
    init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let reader = try OptionReader(table, Self.options)
        let smtp = try OptionReader(reader.table("smtp", "a table such as { mx_list = {'mx.example.com'} }"), Self.smtpOptions)
        guard let value = smtp.value("mx_list") else {
            self = .smtp(mxList: nil)
            return
        }
        guard let list = value.listValue, list.count <= 1000 else {
            throw smtp.mustBe("mx_list", "a list of at most 1000 hosts such as {'mx.example.com', '192.0.2.1:25'}", value)
        }
        var hosts: [MXListEntry] = []
        for item in list {
            do throws(ConfigError) {
                hosts.append(try MXListEntry(item))
            } catch {
                throw smtp.inTable(error)
            }
        }
        self = .smtp(mxList: hosts.isEmpty ? nil : hosts)
    }

    /// Every name of the table.
    static let options = OptionSchema(
        owner: "queue protocol",
        rules: [
            "smtp": .field,
            "maildir_path": .unsupported(),
            "dir_mode": .unsupported(),
            "file_mode": .unsupported(),
            "custom_lua": .unsupported(),
        ])

    /// Every name of the inner table.
    static let smtpOptions = OptionSchema(
        owner: "queue protocol smtp",
        rules: [
            "mx_list": .field,
            "treat_mx_list_as_secure": .unsupported([.exactly(false)]),
        ])
}

package import Options

/// How the messages of a queue leave the node: `{ smtp = { mx_list = {…} } }`. *Value.*
package struct DeliveryProtocol: OptionTable {
    /// By SMTP (or LMTP). *Value.*
    package struct SMTP: OptionTable {
        /// The hosts instead of those the DNS names; empty for those of the DNS.
        package var mxList: [MXListEntry] = []

        /// The defaults.
        package init() {}

        /// Every name of the inner table.
        package static let options = OptionList<SMTP>("queue protocol smtp") {
            OptionRow("mx_list", \.mxList, .hosts, shown: "the domain's MX hosts", "where to deliver instead")
            OptionRow.unsupported("treat_mx_list_as_secure", accepting: [.exactly(false)])
        }
    }

    /// By SMTP.
    package var smtp = SMTP()

    /// The defaults.
    package init() {}

    /// Every name of the table.
    package static let options = OptionList<DeliveryProtocol>("queue protocol") {
        OptionRow("smtp", \.smtp, .table(like: "{ mx_list = {'mx.example.com'} }"), "deliver by SMTP")
        OptionRow.unsupported("maildir_path", "dir_mode", "file_mode", "custom_lua")
    }
}

extension OptionKind where Value == [MXListEntry] {
    /// Mail hosts.
    package static var hosts: OptionKind {
        let accepted = "a list of at most 1000 hosts such as {'mx.example.com', '192.0.2.1:25'}"
        return OptionKind(accepted, values: "list of hosts", text: { _ in "the domain's MX hosts" }) {
            value, reader, name throws(ConfigError) in
            guard let list = value.listValue, list.count <= 1000 else { throw reader.mustBe(name, accepted, value) }
            var hosts: [MXListEntry] = []
            for item in list {
                do throws(ConfigError) { hosts.append(try MXListEntry(item)) } catch { throw reader.inTable(error) }
            }
            return hosts
        }
    }
}

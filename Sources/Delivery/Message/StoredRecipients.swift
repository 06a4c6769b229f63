package import Message

/// *Value*: the recipients of a message that are left after a partial delivery, kept in the meta of its update record.
///
/// The envelope of a message record is immutable; this key overrides its recipients. It never leaves the node.
package enum StoredRecipients {
    /// The name of the meta entry.
    package static let key = "apus.recipients"

    /// The meta entry that keeps `recipients`.
    package static func entry(_ recipients: [EnvelopeAddress]) -> (key: String, value: String) {
        (key, recipients.map(\.text).joined(separator: "\n"))
    }

    /// Takes the entry out of stored meta.
    package static func split(_ meta: [(key: String, value: String)]) -> (meta: [(key: String, value: String)], recipients: [String]?) {
        guard let index = meta.lastIndex(where: { $0.key == key }) else { return (meta, nil) }
        let recipients = meta[index].value.split(separator: "\n").map(String.init)
        return (meta.filter { $0.key != key }, recipients)
    }
}

extension EnvelopeAddress {
    /// The address a spool record holds. What was accepted once was valid; text that does not parse is kept as a local part, so that the
    /// attempt fails visibly instead of the message vanishing.
    package init(stored text: String) {
        if text.isEmpty {
            self = .null
        } else if let address = try? EnvelopeAddress.parse(text) {
            self = address
        } else {
            self.init(localPart: text, domain: "")
        }
    }
}

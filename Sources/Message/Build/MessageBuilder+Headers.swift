extension MessageBuilder {
    private static let reserved: Set<String> = [
        "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id",
    ]
    /// At most one each (RFC 5322 section 3.6).
    private static let singular: Set<String> = [
        "date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject",
    ]

    /// Every header field except those of MIME.
    func headerFields() throws(MessageBuilderError) -> [UInt8] {
        let given = try checkedNames()
        var bytes: [UInt8] = []
        if !given.contains("date") {
            bytes += "Date: ".utf8
            MessageDate.append(rfc5322: date, to: &bytes)
            bytes += [Byte.cr, Byte.lf]
        }
        if !given.contains("message-id") {
            bytes += try HeaderField.identifier("Message-ID", messageID)
        }
        if let from {
            bytes += try HeaderField.mailboxes("From", [from])
        } else if !given.contains("from") {
            throw MessageBuilderError(.missingFrom, field: "From")
        }
        if let replyTo { bytes += try HeaderField.mailboxes("Reply-To", [replyTo]) }
        if !to.isEmpty { bytes += try HeaderField.mailboxes("To", to) }
        if !cc.isEmpty { bytes += try HeaderField.mailboxes("Cc", cc) }
        if let subject { bytes += try HeaderField.text("Subject", subject) }
        for (name, value) in headers {
            if AddressHeader.isOne(name) && !value.isASCII {
                bytes += try HeaderField.mailboxes(name, AddressHeader.mailboxes(value, field: name))
            } else {
                bytes += try HeaderField.text(name, value)
            }
        }
        return bytes
    }

    /// Checks the names of `headers` and returns them in lower case.
    private func checkedNames() throws(MessageBuilderError) -> Set<String> {
        var given: Set<String> = []
        var occupied: Set<String> = []
        if from != nil { occupied.insert("from") }
        if replyTo != nil { occupied.insert("reply-to") }
        if !to.isEmpty { occupied.insert("to") }
        if !cc.isEmpty { occupied.insert("cc") }
        if subject != nil { occupied.insert("subject") }
        for (name, value) in headers {
            if name.firstControlOffset != nil { throw MessageBuilderError(.headerInjection, field: name) }
            guard 1...256 ~= name.utf8.count, name.utf8.allSatisfy({ 0x21...0x7E ~= $0 && $0 != Byte.colon }) else {
                throw MessageBuilderError(.invalidHeaderName, field: name)
            }
            let key = name.asciiLowered
            if Self.reserved.contains(key) { throw MessageBuilderError(.reservedHeader, field: name) }
            let isNew = given.insert(key).inserted
            if Self.singular.contains(key) && (!isNew || occupied.contains(key)) {
                throw MessageBuilderError(.duplicateHeader, field: name)
            }
            if key == "from" && value.utf8.allSatisfy(Byte.isWhite) { throw MessageBuilderError(.missingFrom, field: name) }
        }
        return given
    }
}

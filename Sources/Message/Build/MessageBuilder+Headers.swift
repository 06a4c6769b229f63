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
        for (name, value) in shownHeaders {
            if AddressHeader.isOne(name) && (!value.isASCII || value.utf8.containsEncodedWordStart) {
                bytes += try HeaderField.addresses(name, AddressHeader.entries(value, field: name))
            } else if AddressHeader.isOne(name), value.utf8.count > 500, let list = try? AddressHeader.entries(value, field: name) {
                bytes += try HeaderField.addresses(name, list)  // a long list may have no white space to fold it at
            } else {
                bytes += try HeaderField.text(name, value)
            }
        }
        return bytes
    }

    /// The given headers that are written: blind copies are for nobody's eyes (RFC 5322 section 3.6.3).
    var shownHeaders: [(String, String)] {
        headers.filter { name, _ in
            let key = name.asciiLowered
            return key != "bcc" && key != "resent-bcc"
        }
    }

    /// Checks the names of the headers that are written and returns them in lower case.
    private func checkedNames() throws(MessageBuilderError) -> Set<String> {
        var given: Set<String> = []
        var occupied: Set<String> = []
        if from != nil { occupied.insert("from") }
        if replyTo != nil { occupied.insert("reply-to") }
        if !to.isEmpty { occupied.insert("to") }
        if !cc.isEmpty { occupied.insert("cc") }
        if subject != nil { occupied.insert("subject") }
        for (name, value) in shownHeaders {
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

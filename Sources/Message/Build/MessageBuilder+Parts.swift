extension MessageBuilder {
    /// The MIME tree: mixed(alternative(text, amp, related(html, inline objects)), attachments), without the levels that would hold one part.
    func rootPart() throws(MessageBuilderError) -> MIMEPart {
        // Inline objects need an HTML body to be inside of; without one they are attachments.
        let inline = htmlBody == nil ? [] : attachments.filter { $0.contentID != nil }
        let files = htmlBody == nil ? attachments : attachments.filter { $0.contentID == nil }
        var alternatives: [MIMEPart] = []
        if let textBody { alternatives.append(Self.textPart(textBody, type: "text/plain")) }
        if let ampHTMLBody { alternatives.append(Self.textPart(ampHTMLBody, type: "text/x-amp-html")) }
        if let htmlBody {
            let html = Self.textPart(htmlBody, type: "text/html")
            var related = [html]
            for attachment in inline { related.append(try Self.filePart(attachment)) }
            alternatives.append(
                inline.isEmpty ? html : .multipart(subtype: "related", parameters: ";\r\n type=\"text/html\"", parts: related))
        }
        if alternatives.isEmpty && files.isEmpty { alternatives.append(Self.textPart("", type: "text/plain")) }
        var parts: [MIMEPart] = []
        switch alternatives.count {
        case 0: break
        case 1: parts.append(alternatives[0])
        default: parts.append(.multipart(subtype: "alternative", parameters: "", parts: alternatives))
        }
        for attachment in files { parts.append(try Self.filePart(attachment)) }
        return files.isEmpty ? parts[0] : .multipart(subtype: "mixed", parameters: "", parts: parts)
    }

    private static func textPart(_ text: String, type: String) -> MIMEPart {
        var content = LineEndings.canonical(text.utf8)
        if content.last != Byte.lf { content += [Byte.cr, Byte.lf] }
        let shape = TextShape(content)
        var headers = Array("Content-Type: \(type); charset=\"utf-8\"\r\n".utf8)
        if shape.is7Bit {
            headers += "Content-Transfer-Encoding: 7bit\r\n".utf8
            return .leaf(headers: headers, body: content, isIdentity: true)
        }
        return encoded(content, headers: headers, quoted: shape.quotedLength <= Base64.encodedLength(content.count))
    }

    private static func filePart(_ attachment: Attachment) throws(MessageBuilderError) -> MIMEPart {
        let label = attachment.fileName ?? attachment.contentID ?? attachment.contentType
        guard let type = ContentType(attachment.contentType) else { throw MessageBuilderError(.invalidContentType, field: label) }
        var headers = try fileHeaders(attachment, type: type, label: label)
        if type.isMessage {
            let content = LineEndings.canonical(attachment.data)
            let shape = TextShape(content)
            guard shape.is8Bit else { throw MessageBuilderError(.invalidAttachment, field: label) }
            headers += "Content-Transfer-Encoding: \(shape.has8Bit ? "8bit" : "7bit")\r\n".utf8
            return .leaf(headers: headers, body: content, isIdentity: true)
        }
        // Files keep their bytes: text goes readable only if its lines already end with CRLF.
        guard type.isText else { return encoded(attachment.data, headers: headers, quoted: false) }
        let shape = TextShape(attachment.data)
        let isReadable = !shape.hasBareLineBreak && !shape.hasNull && shape.quotedLength <= Base64.encodedLength(attachment.data.count)
        return encoded(attachment.data, headers: headers, quoted: isReadable)
    }

    private static func fileHeaders(_ attachment: Attachment, type: ContentType, label: String) throws(MessageBuilderError) -> [UInt8] {
        let fileName = attachment.fileName
        if let fileName, fileName.firstControlOffset != nil { throw MessageBuilderError(.headerInjection, field: "Content-Disposition") }
        if let fileName, fileName.utf8.count > 1024 { throw MessageBuilderError(.lineTooLong, field: "Content-Disposition") }
        var parameters = type.parameters.flatMap { MIMEParameter.pieces($0.name, $0.value) }
        if type.isText, !type.parameters.contains(where: { $0.name == "charset" }), let charset = charset(of: attachment.data) {
            parameters += MIMEParameter.pieces("charset", charset)
        }
        if let fileName, !type.parameters.contains(where: { $0.name == "name" }) { parameters += MIMEParameter.pieces("name", fileName) }
        var bytes = try parameterised("Content-Type", type.name, parameters)
        let disposition = attachment.contentID == nil ? "attachment" : "inline"
        bytes += try parameterised("Content-Disposition", disposition, fileName.map { MIMEParameter.pieces("filename", $0) } ?? [])
        if let contentID = attachment.contentID { bytes += try HeaderField.identifier("Content-ID", contentID) }
        return bytes
    }

    /// The character set of text whose sender did not name it; nil when it cannot be known.
    private static func charset(of data: [UInt8]) -> String? {
        var seen: UInt8 = 0
        for byte in data {
            seen |= byte
            // UTF-16, or a set that switches with escape sequences: ASCII bytes, but not ASCII.
            if byte == 0 || byte == 0x1B { return nil }
        }
        if seen < 0x80 { return "us-ascii" }
        return String(validating: data, as: UTF8.self) == nil ? nil : "utf-8"
    }

    private static func parameterised(_ name: String, _ value: String, _ parameters: [[UInt8]]) throws(MessageBuilderError) -> [UInt8] {
        var folder = HeaderFolder(name: name)
        let pieces = [Array(value.utf8)] + parameters
        for (index, piece) in pieces.enumerated() {
            try folder.append(index == pieces.count - 1 ? piece : piece + [Byte.semicolon])
        }
        return folder.finished()
    }

    private static func encoded(_ content: [UInt8], headers: [UInt8], quoted: Bool) -> MIMEPart {
        var body: [UInt8] = []
        if quoted {
            QuotedPrintable.encode(content, to: &body)
        } else {
            Base64.encode(content, to: &body)
        }
        let encoding = quoted ? "quoted-printable" : "base64"
        return .leaf(headers: headers + Array("Content-Transfer-Encoding: \(encoding)\r\n".utf8), body: body, isIdentity: false)
    }
}

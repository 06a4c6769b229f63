/// Why a message cannot be built. *Value*. Names the field, never its content.
///
/// *Diagnostics*: an HTTP injection answers 422 with the description; nothing is retried, nothing traps.
package struct MessageBuilderError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The rule that was broken.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// Neither `from` nor a From header.
        case missingFrom
        /// An address that does not pass the mailbox grammar, or the null address.
        case invalidAddress
        /// A control character in a header name or value: an attempt at, or the accident of, header injection.
        case headerInjection
        /// A header name with other than printable ASCII, or too long.
        case invalidHeaderName
        /// A header that the builder itself writes (Content-Type and the like).
        case reservedHeader
        /// A header that may occur once is given twice.
        case duplicateHeader
        /// A header has a stretch of more than 998 bytes without white space.
        case lineTooLong
        /// A Message-ID or Content-ID that is empty or not printable ASCII.
        case invalidMessageID
        /// A content type that is not `type/subtype` with parameters.
        case invalidContentType
        /// Content that its content type does not allow to be sent.
        case invalidAttachment
        /// No boundary could be found that does not occur in the content.
        case noBoundary
    }

    /// The rule that was broken.
    package let code: Code
    /// The header or part concerned; control characters never come through.
    package let field: String

    init(_ code: Code, field: String) {
        self.code = code
        self.field = String(field.unicodeScalars.prefix(80).map { $0.value < 0x20 || 0x7F...0x9F ~= $0.value ? "?" : Character($0) })
    }

    /// What is wrong.
    package var message: String {
        switch code {
        case .missingFrom: "the message has no From"
        case .invalidAddress: "invalid address in \(field)"
        case .headerInjection: "control character in header \(field)"
        case .invalidHeaderName: "invalid header name \(field)"
        case .reservedHeader: "header \(field) is written by the builder"
        case .duplicateHeader: "header \(field) is given more than once"
        case .lineTooLong: "header \(field) cannot be folded to lines of 998 bytes"
        case .invalidMessageID: "invalid identifier in \(field)"
        case .invalidContentType: "invalid content type in \(field)"
        case .invalidAttachment: "content of \(field) cannot be sent as its content type"
        case .noBoundary: "no MIME boundary is free"
        }
    }

    /// What to do about it.
    package var remedy: String {
        switch code {
        case .missingFrom: "set from, or give a From header"
        case .invalidAddress: "write local-part@domain, with a display name as \"Name\" <local-part@domain>"
        case .headerInjection: "remove line breaks and control characters; long values are folded automatically"
        case .invalidHeaderName: "use 1 to 256 printable ASCII characters without colon"
        case .reservedHeader: "set the bodies and attachments instead"
        case .duplicateHeader: "give it once, either as property or as header"
        case .lineTooLong: "insert white space where the value may be folded"
        case .invalidMessageID: "write printable ASCII without spaces, as in id@domain"
        case .invalidContentType: "write type/subtype with parameters as name=value; multipart types cannot be attached"
        case .invalidAttachment: "attach it as application/octet-stream"
        case .noBoundary: "change the message ID"
        }
    }

    package var description: String { "\(message); \(remedy)" }
}

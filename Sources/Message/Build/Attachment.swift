/// A file or inline object of a message to build. *Value*.
package struct Attachment: Sendable, Hashable {
    /// The bytes, not encoded.
    package var data: [UInt8]
    /// `type/subtype` with optional parameters.
    package var contentType: String
    /// With an HTML body, makes the object part of it (`cid:`); with or without angle brackets.
    package var contentID: String?
    /// The name offered to the reader.
    package var fileName: String?

    /// An attachment.
    package init(data: [UInt8], contentType: String = "application/octet-stream", contentID: String? = nil, fileName: String? = nil) {
        self.data = data
        self.contentType = contentType
        self.contentID = contentID
        self.fileName = fileName
    }
}

package import JSON
package import NIOCore

extension JSONValue {
    /// The value of a body, read where it is.
    package init(parsing body: ByteBuffer) throws(JSONFault) {
        self = try body.withUnsafeReadableBytes { bytes in
            Result { () throws(JSONFault) in try JSONValue(parsing: bytes, .api) }
        }.get()
    }
}

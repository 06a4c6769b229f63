import Hummingbird
import JSON
import NIOCore

extension JSONValue {
    /// The value of a body, read where it is.
    init(parsing body: ByteBuffer) throws(JSONFault) {
        self = try body.withUnsafeReadableBytes { bytes in
            Result { () throws(JSONFault) in try JSONValue(parsing: bytes, .api) }
        }.get()
    }
}

extension Response {
    /// An answer with a JSON value, its names sorted.
    init(json value: some JSONEncodable) { self.init(json: value.json) }

    /// An answer with a JSON value, its names sorted.
    init(json value: JSONValue) { self.init(json: ByteBuffer(bytes: value.bytes(.api))) }
}

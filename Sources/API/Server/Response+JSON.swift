import Hummingbird
import JSON
import NIOCore

extension Response {
    /// An answer with a JSON value, its names sorted.
    init(json value: some JSONEncodable) { self.init(json: value.json) }

    /// An answer with a JSON value, its names sorted.
    init(json value: JSONValue) { self.init(json: ByteBuffer(bytes: value.bytes(.api))) }
}

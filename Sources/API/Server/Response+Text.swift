package import HTTPTypes
import Hummingbird
package import NIOCore

extension Response {
    /// A text answer ending in a newline.
    package init(status: HTTPResponse.Status, text: String) {
        self.init(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }

    /// A JSON answer.
    package init(status: HTTPResponse.Status = .ok, json: ByteBuffer) {
        self.init(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: json))
    }
}

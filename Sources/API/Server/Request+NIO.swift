import HTTPTypes
import Hummingbird
package import NIOCore
package import NIOHTTP1

extension Request {
    /// The request as routes see it, its body in memory; `nil` when the method is not a token. HEAD is asked like GET: who writes the answer
    /// leaves the body out.
    package init?(_ head: HTTPRequestHead, target: RequestTarget, body: ByteBuffer) {
        let method = head.method == .HEAD ? "GET" : head.method.rawValue
        guard let method = HTTPRequest.Method(method) else { return nil }
        var fields = HTTPFields()
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        self.init(
            head: HTTPRequest(
                method: method, scheme: "http", authority: head.headers.first(name: "host"), path: target.origin, headerFields: fields),
            body: RequestBody(buffer: body))
    }
}

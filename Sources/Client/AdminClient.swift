import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1

/// *Shared*: the typed client of a node's HTTP API, for the command line and the tests.
///
/// *Diagnostics*: a node that does not answer and an answer that is not 200 become a `ClientError` of one sentence.
package final class AdminClient: Sendable {
    let endpoint: String
    private let http: HTTPClient

    /// - Parameter endpoint: `http://host:port` of the node's HTTP listener.
    package init(endpoint: String) {
        self.endpoint = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        http = HTTPClient(eventLoopGroupProvider: .singleton)
    }

    /// Must be called when the client is no longer needed.
    package func close() async throws { try await http.shutdown() }

    /// The scheduled queues, and the JSON as it came.
    package func queues() async throws -> ([QueueStatus], String) {
        let body = try await send("GET", "/api/queues", body: nil)
        return (try decode(body), body)
    }

    /// Pauses a queue; answers the JSON list of pauses.
    package func pause(_ queue: String, reason: String) async throws -> String {
        try await send("POST", "/api/queues/pause", body: .object(["queue": .string(queue), "reason": .string(reason)]))
    }

    /// Resumes a queue; answers the JSON list of pauses.
    package func resume(_ queue: String) async throws -> String {
        try await send("POST", "/api/queues/resume", body: .object(["queue": .string(queue)]))
    }

    func send(_ method: String, _ path: String, body: JSONValue?) async throws -> String {
        var request = HTTPClientRequest(url: endpoint + path)
        request.method = .init(rawValue: method)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.bytes(.api)))
        }
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, timeout: .seconds(30))
        } catch {
            throw ClientError(
                "no node answers at \(endpoint) (\(error)); start one with `apus serve`, or name its HTTP listener with --endpoint or APUS_ENDPOINT"
            )
        }
        let text = String(buffer: try await response.body.collect(upTo: 256 << 20))
        guard response.status == .ok else {
            throw ClientError(
                "\(endpoint)\(path): \(response.status.code) \(text.split(separator: "\n").first.map(String.init) ?? "")",
                status: Int(response.status.code))
        }
        return text
    }
}

/// *Value*: why a request to a node failed, one sentence.
package struct ClientError: Error, Sendable {
    /// What went wrong, and the remedy.
    package let message: String
    /// The status of the answer; `nil` when there was none.
    package let status: Int?

    /// - Parameter status: the HTTP status, when there was one.
    package init(_ message: String, status: Int? = nil) {
        self.message = message
        self.status = status
    }
}

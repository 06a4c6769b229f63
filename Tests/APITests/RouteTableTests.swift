import NIOCore
import NIOHTTP1
import Testing

@testable import API

/// 404, 405, OPTIONS.
@Suite struct RouteTableTests {
    static let table = RouteTable([
        ("GET", "/api/queues"), ("POST", "/api/queues/pause"), ("GET", "/api/admin/suspend/v1"), ("POST", "/api/admin/suspend/v1"),
        ("DELETE", "/api/admin/suspend/v1"), ("GET", "/metrics"), ("GET", "livez"),
    ])

    @Test(
        arguments: [
            ("GET", "/api/queues", nil, nil), ("HEAD", "/api/queues", nil, nil), ("HEAD", "/livez", nil, nil),
            ("GET", "/api/queues/", nil, nil),
            ("POST", "/api/queues", 405, "GET, HEAD, OPTIONS"), ("GET", "/api/queues/pause", 405, "POST, OPTIONS"),
            ("PUT", "/api/admin/suspend/v1", 405, "GET, HEAD, POST, DELETE, OPTIONS"), ("PATCH", "/metrics", 405, "GET, HEAD, OPTIONS"),
            ("OPTIONS", "/metrics", 204, "GET, HEAD, OPTIONS"), ("TRACE", "/livez", 405, "GET, HEAD, OPTIONS"),
            ("HEAD", "/api/queues/pause", 405, "POST, OPTIONS"), ("OPTIONS", "*", 204, "DELETE, GET, HEAD, POST, OPTIONS"),
            ("GET", "*", 400, nil),
            ("GET", "/nowhere-at-all-and-far-away", 404, nil), ("GET", "", 404, nil),
        ] as [(String, String, UInt?, String?)]) func methods(_ method: String, _ path: String, _ status: UInt?, _ allow: String?)
    {
        let refusal = Self.table.refusal(method: HTTPMethod(rawValue: method), path: path)
        #expect(refusal?.status.code == status)
        #expect(refusal?.headers.first { $0.0 == "Allow" }?.1 == allow)
    }

    @Test(arguments: [
        ("/api/queue", "/api/queues"), ("/metric", "/metrics"), ("/api/admin/suspend", "/api/admin/suspend/v1"), ("/healthz", "/livez"),
        ("/API/queues", "/api/queues"), ("/api/queues/pauze", "/api/queues/pause"),
    ]) func theNearestPathIsNamed(_ path: String, _ nearest: String) {
        let text = Self.table.refusal(method: .GET, path: path).map { String(buffer: $0.body) } ?? ""
        #expect(text.contains(nearest + " ("), "\(text)")
    }
}

import Glibc
import Resources
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// Clients of the HTTP listener that send and do not read must not delay mail.
@Suite(.serialized, .timeLimit(.minutes(8))) struct HTTPPressureTests {
    @Test(arguments: [("127.0.0.2", "/api/queues"), ("127.0.0.2", "/livez"), ("127.0.0.1", "/metrics"), ("127.0.0.1", "/nope")])
    func pipelinesThatReadNothingDoNotDelayMail(_ from: String, _ path: String) async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                let requests = Array(String(repeating: "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 2000).utf8)
                var clients: [RawHTTP] = []
                for _ in 0..<200 {
                    let client = try RawHTTP(port: port, from: from)
                    _ = fcntl(client.socket, F_SETFL, O_NONBLOCK)
                    clients.append(client)
                }
                var slowest = Duration.zero
                let start = ContinuousClock.now
                while ContinuousClock.now - start < .seconds(3) {
                    for client in clients {
                        requests.withUnsafeBytes { _ = send(client.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                    }
                    let began = ContinuousClock.now
                    try rig.send(to: "u@example.com")
                    slowest = max(slowest, ContinuousClock.now - began)
                }
                #expect(slowest < .seconds(8), "a message took \(slowest)")
                #expect(rig.node.services.resident.bytes(.http) < 64 << 20, "unread answers are held back")
                clients.removeAll()
                try await expectEventually("all is given back") { rig.node.services.resident.bytes(.http) == 0 }
            }
        }
    }
}

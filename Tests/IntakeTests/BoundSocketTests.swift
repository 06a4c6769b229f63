import Testing

@testable import Delivery
@testable import Intake
@testable import Resources

@Suite struct BoundSocketTests {
    @Test func aPortInUseIsExplained() throws {
        let first = try BoundSocket(host: "127.0.0.1", port: 0)
        let port = try #require(Int(first.address.split(separator: ":").last ?? ""))
        do {
            _ = try BoundSocket(host: "127.0.0.1", port: port)
            Issue.record("bound twice")
        } catch {
            #expect(error.message.contains("127.0.0.1:\(port)") && error.message.contains("in use"))
        }
    }

    @Test func aForeignAddressIsExplained() {
        #expect(throws: NodeError.self) { try BoundSocket(host: "192.0.2.1", port: 0) }
        #expect(throws: NodeError.self) { try BoundSocket(host: "example.invalid", port: 0) }
    }
}

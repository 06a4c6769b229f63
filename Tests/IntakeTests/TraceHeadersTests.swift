import Delivery
import Foundation
import Message
import NIOCore
import Testing

@testable import Intake

@Suite struct TraceHeadersTests {
    private static let origin = TraceHeaders.Origin(
        ehlo: "client.test", peer: "192.0.2.1", hostname: "mx.test", local: "192.0.2.2", with: "ESMTP")

    private static func lines(_ headers: TraceHeaders, _ recipients: [String]) -> String {
        var buffer = ByteBuffer()
        headers.write(
            into: &buffer, origin: origin, id: "0123", recipients: recipients.map { EnvelopeAddress(stored: $0) },
            date: "Thu, 01 Jan 1970 00:00:00 +0000")
        return String(buffer: buffer)
    }

    private static func reference(_ text: String) throws -> String {
        let value = text.components(separatedBy: "X-KumoRef: ")[1].replacingOccurrences(of: "\r\n\t", with: "")
            .replacingOccurrences(of: "\r\n", with: "")
        return String(decoding: try #require(Data(base64Encoded: value)), as: UTF8.self)
    }

    @Test func receivedLine() {
        var headers = TraceHeaders()
        headers.supplemental = false
        #expect(
            Self.lines(headers, ["ann@example.com"]) == """
                Received: from client.test (192.0.2.1)\r
                  by mx.test (Apus 192.0.2.2)\r
                  with ESMTP id 0123\r
                  for <ann@example.com>;\r
                  Thu, 01 Jan 1970 00:00:00 +0000\r

                """)
    }

    @Test func nothingWhenBothAreOff() { #expect(Self.lines(TraceHeaders(received: false, supplemental: false), ["a@b.test"]) == "") }

    @Test func theReferenceNamesTheRecipient() throws {
        let text = Self.lines(TraceHeaders(received: false), ["ann@example.com"])
        #expect(try Self.reference(text) == #"{"_@_":"\\_/","recipient":"ann@example.com"}"#)
    }

    @Test func longReferencesAreFolded() throws {
        let long = String(repeating: "a", count: 60) + "@" + String(repeating: "b.", count: 90) + "test"
        let text = Self.lines(TraceHeaders(received: false), [long])
        #expect(text.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
        #expect(text.components(separatedBy: "\r\n").dropFirst().allSatisfy { $0.isEmpty || $0.hasPrefix("\t") })
        #expect(try Self.reference(text).contains(long))
    }

    /// RFC 5321 7.2: what one recipient gets must not name the others.
    @Test func blindCopiesStayBlind() throws {
        let text = Self.lines(TraceHeaders(), ["ann@example.com", "bob@example.com"])
        #expect(!text.contains("for <"))
        do {
            let reference = try Self.reference(text)
            #expect(!(reference.contains("ann@") && reference.contains("bob@")))
        }
    }
}

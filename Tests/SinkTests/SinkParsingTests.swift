import NIOCore
import Testing

@testable import Sink

@Suite struct SinkParsingTests {
    /// Where the content ends: bytes used, or nil if it does not.
    static func end(_ bytes: [UInt8], cut: (Int) -> Int) -> Int? {
        var scanner = ContentScanner()
        var at = 0
        while at < bytes.count {
            let piece = Array(bytes[at..<at + cut(bytes.count - at)])
            let (used, isEnd) = piece.withUnsafeBytes { scanner.scan($0) }
            at += used
            if isEnd { return at }
        }
        return nil
    }

    @Test(
        arguments: [
            (".\r\n", 3), ("a\r\n.\r\n", 6), ("a\r\n.\r\nQUIT\r\n", 6), ("a\n.\n", nil), ("a\r.\r", nil), ("a\r\n.\n", nil),
            ("a\n.\r\n", nil),
            ("a\r\n..\r\n.\r\n", 10), ("a\r\n.\r\r\n.\r\n", 10), ("a\r\r\n.\r\n", 7), (".\r", nil), ("", nil), ("\r\n\r\n.\r\n", 7),
        ] as [(String, Int?)])
    func contentEnd(_ text: String, _ expected: Int?) {
        let bytes = Array(text.utf8)
        #expect(Self.end(bytes) { $0 } == expected)
        #expect(Self.end(bytes) { _ in 1 } == expected)
    }

    @Test func contentEndAtRandom() {
        let seed = UInt64.random(in: .min ... .max)
        print("content scanner seed \(seed)")
        var random = SplitMix64(seed: seed)
        let alphabet: [UInt8] = [0x0D, 0x0A, 0x2E, 0x61]
        let mark = Array("\r\n.\r\n".utf8)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0...30, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            let whole = [0x0D, 0x0A] + bytes
            let expected = whole.indices.first { whole[$0...].starts(with: mark) }.map { $0 + 5 - 2 }
            #expect(Self.end(bytes) { $0 } == expected, "seed \(seed), \(bytes)")
            #expect(Self.end(bytes) { Int.random(in: 1...$0, using: &random) } == expected, "seed \(seed), \(bytes)")
        }
    }

    @Test(arguments: [
        ("message-ID:  <a@b> \r\n\r\nx", "<a@b>"), ("X: 1\r\nMessage-ID:\r\n <a@b>\r\nY: 2\r\n\r\nx", " <a@b>"),
        ("X: 1\r\n\r\nMessage-ID: body\r\n", ""), ("X-Message-ID: 1\r\n\r\n", ""), ("", ""), ("Message-ID: no end", "no end"),
    ])
    func header(_ text: String, _ value: String) {
        let trimmed = String(value.drop { $0 == " " })
        var capture = HeaderCapture(name: "Message-ID")
        Array(text.utf8).withUnsafeBytes { capture.add($0) }
        #expect(String(decoding: capture.value, as: UTF8.self) == trimmed)
        capture.reset()
        for byte in text.utf8 { withUnsafeBytes(of: byte) { capture.add($0) } }
        #expect(String(decoding: capture.value, as: UTF8.self) == trimmed)
    }

    @Test(arguments: ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "mail.example:25", ":", ""]) func badAddress(_ text: String) {
        #expect(throws: SinkError.self) { try SinkAddress.parse(text) }
    }

    @Test func goodAddresses() throws {
        #expect(try SinkAddress.parse("127.0.0.1:25").port == 25)
        #expect(try SinkAddress.parse("[::1]:26").ipAddress == "::1")
        #expect(try SinkAddress.parse(":27").ipAddress == "0.0.0.0")
        #expect(try SinkAddress.parse("localhost:0").ipAddress == "127.0.0.1")
        #expect(try SinkAddress.parse("unix:/run/x").pathname == "/run/x")
    }
}

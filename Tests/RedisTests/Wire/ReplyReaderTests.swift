import NIOCore
import TestSupport
import Testing

@testable import Redis

@Suite struct ReplyReaderTests {
    /// *Value.* What came out.
    struct Outcome: Equatable {
        var values: [RedisValue] = []
        var fault: ReplyReader.Fault?
    }

    static func read(_ bytes: [UInt8], bounds: ReplyReader.Bounds = .init(), step: () -> Int) -> Outcome {
        let reader = ReplyReader(bounds: bounds)
        var outcome = Outcome()
        var index = 0
        while index < bytes.count, outcome.fault == nil {
            let count = min(max(1, step()), bytes.count - index)
            outcome.fault = bytes[index..<(index + count)].withUnsafeBytes { part in
                reader.feed(part) {
                    outcome.values.append($0)
                    return true
                }
            }
            index += count
        }
        return outcome
    }

    static let long = String(repeating: "y", count: 20_000)
    static let good: [(wire: String, values: [RedisValue])] = [
        ("+OK\r\n", [.simple("OK")]),
        ("-ERR no\r\n", [.error("ERR no")]),
        (":-42\r\n:9223372036854775807\r\n", [.integer(-42), .integer(.max)]),
        ("$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n", [.bytes([]), .null, .null, .array([])]),
        ("$5\r\na\r\n\0b\r\n", [.bytes([0x61, 0x0D, 0x0A, 0, 0x62])]),
        ("*3\r\n:1\r\n*2\r\n$1\r\nx\r\n*0\r\n-E in\r\n", [.array([.integer(1), .array([.bytes([0x78]), .array([])]), .error("E in")])]),
        ("*2\r\n*1\r\n*1\r\n:1\r\n:2\r\n+PONG\r\n", [.array([.array([.array([.integer(1)])]), .integer(2)]), .simple("PONG")]),
        ("$20000\r\n\(long)\r\n+x\r\n", [.bytes(Array(long.utf8)), .simple("x")]),
    ]

    @Test(arguments: good.indices)
    func wholeByteByByteAndCut(index: Int) {
        let (wire, values) = Self.good[index]
        let bytes = Array(wire.utf8)
        #expect(Self.read(bytes) { bytes.count } == Outcome(values: values))
        #expect(Self.read(bytes) { 1 } == Outcome(values: values))
        for seed in UInt64(0)..<20 {
            var random = SeededGenerator(seed: seed)
            #expect(Self.read(bytes) { Int.random(in: 1...9, using: &random) } == Outcome(values: values), "seed \(seed)")
        }
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n", "\r\n", ":1x\r\n", ":\r\n", "*1x\r\n", "$x\r\n", "*99999999999\r\n", "$-5\r\n", "*-2\r\n",
        "$99999999999999999999999\r\n", "%1\r\n", "_\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "$" + String(repeating: "0", count: 64),
    ])
    func malformed(wire: String) {
        for step in [1, 3, wire.utf8.count] {
            let outcome = Self.read(Array(wire.utf8)) { step }
            guard case .malformed(let text)? = outcome.fault else {
                Issue.record("not refused: \(wire) \(outcome)")
                continue
            }
            #expect(!text.isEmpty && outcome.values.isEmpty)
        }
    }

    /// What would take much memory or time is refused on what has arrived, not on what is announced.
    @Test(arguments: [
        ("*2147483647\r\n", 0), ("*524289\r\n", 0), ("$30\r\n", 25), ("+", 40), ("-", 40), (":", 40),
        ("*2\r\n$10\r\n0123456789\r\n$10\r\n", 8),
    ])
    func tooLarge(head: String, filler: Int) {
        let bounds = ReplyReader.Bounds(bytes: 24, values: 500_000, line: 30)
        let bytes = Array(head.utf8) + Array(repeating: 0x31, count: filler)
        for step in [1, 1_000] { #expect(Self.read(bytes, bounds: bounds) { step }.fault == .tooLarge, "\(head) \(step)") }
    }

    @Test func manyValuesInOneReply() {
        let bounds = ReplyReader.Bounds(bytes: 1 << 20, values: 10, line: 100)
        let wire = Array("*3\r\n*3\r\n:1\r\n:1\r\n:1\r\n*3\r\n:1\r\n:1\r\n:1\r\n*3\r\n:1\r\n:1\r\n:1\r\n".utf8)
        #expect(Self.read(wire, bounds: bounds) { 1_000 }.fault == .tooLarge)
        let small = Array("*3\r\n:1\r\n:1\r\n:1\r\n".utf8)
        #expect(Self.read(small + small + small + small, bounds: bounds) { 7 }.values.count == 4)
    }

    @Test func aFaultStays() {
        let reader = ReplyReader()
        for _ in 0..<2 {
            let fault = Array("?\r\n+OK\r\n".utf8).withUnsafeBytes { reader.feed($0) { _ in true } }
            #expect(fault != nil)
        }
    }

    /// Any bytes end in values or a fault, the same whole and in pieces.
    @Test func mutations() {
        let base = Array(Self.good.dropLast().map(\.wire).joined().utf8)
        for seed in UInt64(0)..<3_000 {
            var random = SeededGenerator(seed: seed)
            var bytes = base
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[index] = Array("*$+-:0199\r\n".utf8).randomElement(using: &random)!
                case 2: bytes.remove(at: index)
                default: bytes.insert(bytes[index], at: index)
                }
            }
            let whole = Self.read(bytes) { bytes.count }
            let single = Self.read(bytes) { 1 }
            let cut = Self.read(bytes) { Int.random(in: 1...20, using: &random) }
            #expect(whole.values == single.values && whole.values == cut.values, "seed \(seed)")
            #expect((whole.fault == nil) == (single.fault == nil), "seed \(seed)")
        }
    }
}

@Suite struct CommandEncoderTests {
    @Test(arguments: [
        (["PING"], "*1\r\n$4\r\nPING\r\n"),
        (["SET", "", "a\r\nb"], "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n"),
        (["", ""], "*2\r\n$0\r\n\r\n$0\r\n\r\n"),
    ])
    func encodes(parts: [String], wire: String) {
        var buffer = ByteBuffer(string: "before")
        #expect(CommandEncoder.encode(parts.map { Array($0.utf8) }, into: &buffer))
        #expect(String(buffer: buffer) == "before" + wire)
    }

    @Test func bounds() {
        var buffer = ByteBuffer()
        #expect(!CommandEncoder.encode([], into: &buffer))
        #expect(!CommandEncoder.encode([Array(repeating: 1, count: CommandEncoder.maxBytes + 1)], into: &buffer))
        #expect(!CommandEncoder.encode(Array(repeating: [], count: CommandEncoder.maxParts + 1), into: &buffer))
        #expect(buffer.readableBytes == 0)
        #expect(CommandEncoder.encode([[0, 255, 0]], into: &buffer))
        #expect(Array(buffer.readableBytesView) == Array("*1\r\n$3\r\n".utf8) + [0, 255, 0, 13, 10])
    }
}

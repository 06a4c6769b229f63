import NIOCore
import Testing

@testable import SMTP

@Suite struct ClientDotStufferTests {
    static func stuff(_ bytes: [UInt8], cut: (Int) -> Int) -> [UInt8] {
        var stuffer = DotStuffer()
        var result: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let piece = ByteBuffer(bytes: bytes[at..<at + cut(bytes.count - at)])
            at += piece.readableBytes
            result += Array(stuffer.stuff(piece, allocator: ByteBufferAllocator()).readableBytesView)
        }
        return result + Array(stuffer.terminator.readableBytesView)
    }

    /// The plainest way to say what must come out.
    static func reference(_ bytes: [UInt8]) -> [UInt8] {
        var lines: [[UInt8]] = [[]]
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x0D {
                lines.append([])
                if index + 1 < bytes.count, bytes[index + 1] == 0x0A { index += 1 }
            } else if bytes[index] == 0x0A {
                lines.append([])
            } else {
                lines[lines.count - 1].append(bytes[index])
            }
            index += 1
        }
        if lines.last == [] { lines.removeLast() }
        return lines.flatMap { ($0.first == 0x2E ? [0x2E] : []) + $0 + [0x0D, 0x0A] } + [0x2E, 0x0D, 0x0A]
    }

    /// What a server makes of it; nil if the end mark is anywhere but at the end.
    static func unstuff(_ wire: [UInt8]) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        for (index, byte) in wire.enumerated() {
            line.append(byte)
            guard byte == 0x0A else { continue }
            guard line.count >= 2, line[line.count - 2] == 0x0D, !line.dropLast(2).contains(0x0D) else { return nil }
            line.removeLast(2)
            if line == [0x2E] { return index == wire.count - 1 ? lines : nil }
            lines.append(line.first == 0x2E ? Array(line.dropFirst()) : line)
            line = []
        }
        return nil
    }

    @Test(arguments: [
        ("", ".\r\n"), ("a", "a\r\n.\r\n"), ("a\r\n", "a\r\n.\r\n"), (".", "..\r\n.\r\n"), (".\r\n", "..\r\n.\r\n"),
        ("a\r\n.b\r\n", "a\r\n..b\r\n.\r\n"), ("a\r\n..\r\n", "a\r\n...\r\n.\r\n"), ("a.b\r\n", "a.b\r\n.\r\n"),
        ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"), ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"), ("a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n"),
        ("a\r\n.\nb", "a\r\n..\r\nb\r\n.\r\n"), ("a\r\n.\rb", "a\r\n..\r\nb\r\n.\r\n"), ("a\r\r\n.b", "a\r\n\r\n..b\r\n.\r\n"),
        ("\r", "\r\n.\r\n"), ("\n", "\r\n.\r\n"), ("\r\n", "\r\n.\r\n"), ("\n\r", "\r\n\r\n.\r\n"), ("a\r", "a\r\n.\r\n"),
        ("\r\n.\r\nMAIL FROM:<evil@x>\r\n", "\r\n..\r\nMAIL FROM:<evil@x>\r\n.\r\n"),
    ])
    func table(_ content: String, _ wire: String) {
        let bytes = Array(content.utf8)
        #expect(Self.reference(bytes) == Array(wire.utf8))
        #expect(Self.stuff(bytes) { $0 } == Array(wire.utf8))
        #expect(Self.stuff(bytes) { _ in 1 } == Array(wire.utf8))
    }

    @Test func againstTheReference() {
        let seed = UInt64.random(in: .min ... .max)
        print("dot stuffing seed \(seed)")
        var random = ClientTestRandom(seed: seed)
        let alphabet: [UInt8] = [0x0D, 0x0A, 0x2E, 0x61, 0x0D, 0x0A, 0x00, 0xFF]
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            let expected = Self.reference(bytes)
            #expect(Self.stuff(bytes) { $0 } == expected, "seed \(seed), \(bytes)")
            #expect(Self.stuff(bytes) { _ in 1 } == expected, "seed \(seed), \(bytes)")
            #expect(Self.stuff(bytes) { Int.random(in: 1...$0, using: &random) } == expected, "seed \(seed), \(bytes)")
            #expect(Self.unstuff(expected) != nil, "an end mark inside: seed \(seed), \(bytes)")
        }
    }

    @Test func cleanContentIsNotCopied() {
        var stuffer = DotStuffer()
        let clean = ByteBuffer(string: String(repeating: "some text. more\r\n", count: 300))
        let result = stuffer.stuff(clean, allocator: ByteBufferAllocator())
        let before = clean.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        let after = result.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        #expect(before == after)
        #expect(result == clean)
    }
}

import Message
import Testing

@Suite struct HeaderBlockTests {
    static let messages: [(String, Int)] = [
        ("", 0),
        ("\r\n", 2),
        ("\n", 1),
        ("\r", 1),
        ("\r\nbody", 2),
        ("A: b", 4),
        ("A: b\r\n", 6),
        ("A: b\r\n\r", 7),
        ("A: b\r\n\r\n", 8),
        ("A: b\r\n\r\nbody\r\n\r\nmore", 8),
        ("A: b\n\nbody", 6),
        ("A: b\r\n\nbody", 7),
        ("A: b\n\r\nbody", 7),
        ("A: b\r\r\nC: d\r\n\r\nbody", 15),
        ("A: b\r\n \r\nC: d\r\n\r\nx", 17),
        ("no header here\r\nat all", 22),
    ]

    @Test(arguments: messages)
    func lengths(message: String, expected: Int) {
        #expect(withGuarded(message) { HeaderBlock.length(of: $0) } == expected)
    }

    /// Cut before the end of the block, all is header; cut after it, the block is the same: fed byte by byte the answer only ever settles once.
    @Test(arguments: messages)
    func everyCut(message: String, expected: Int) {
        let bytes = Array(message.utf8)
        for cut in 0...bytes.count {
            #expect(withGuarded(Array(bytes[..<cut])) { HeaderBlock.length(of: $0) } == min(cut, expected))
        }
    }

    @Test func emptyBufferWithoutAddress() {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(HeaderBlock.length(of: nothing) == 0)
        #expect(HeaderBlock.allFields(in: nothing).isEmpty)
        #expect(HeaderBlock.firstValue(named: "A", in: nothing) == nil)
    }

    static let fields: [(String, [[String]])] = [
        ("A: b\r\nC: d\r\n\r\nE: f\r\n", [["A", "b"], ["C", "d"]]),
        ("A:b", [["A", "b"]]),
        ("A:", [["A", ""]]),
        ("A:\r\n", [["A", ""]]),
        ("A: \t b \t\r\n", [["A", "b"]]),
        ("A : b\r\n", [["A", "b"]]),
        ("A: b\r\n c\r\n\td\r\nE: f\r\n", [["A", "b c\td"], ["E", "f"]]),
        ("A:\r\n b\r\n", [["A", "b"]]),
        ("A: b\r\n \r\n c\r\n", [["A", "b  c"]]),
        ("A: b\n c\nD: e\n", [["A", "b c"], ["D", "e"]]),
        ("A: b\rB: c\r\n", [["A", "b B: c"]]),
        ("A: b\r\r\n", [["A", "b"]]),
        (" orphan\r\nA: b\r\n", [["A", "b"]]),
        ("garbage\r\n more\r\nA: b\r\n", [["A", "b"]]),
        ("garbage\r\n sub: more\r\nA: b\r\n", [["A", "b"]]),
        (": b\r\nA: c\r\n", [["A", "c"]]),
        ("From x@y Mon Jan 1 00:00:00 2024\r\nA: b\r\n", [["A", "b"]]),
        ("Ä: b\r\nA: c\r\n", [["A", "c"]]),
        ("A B: c\r\nD: e\r\n", [["D", "e"]]),
        ("A: b: c\r\n", [["A", "b: c"]]),
        ("A: ü\r\n", [["A", "ü"]]),
        ("A: 1\r\nA: 2\r\na: 3\r\n", [["A", "1"], ["A", "2"], ["a", "3"]]),
        ("X\0Y: b\r\nA: c\0d\r\n", [["A", "c\0d"]]),
    ]

    @Test(arguments: fields)
    func findsFields(message: String, expected: [[String]]) {
        withGuarded(message) { bytes in
            #expect(HeaderBlock.allFields(in: bytes).map { [$0.name, $0.value] } == expected)
            for name in Set(expected.map { $0[0].lowercased() }) {
                let first = expected.first { $0[0].lowercased() == name }?[1]
                #expect(HeaderBlock.firstValue(named: name, in: bytes) == first)
                #expect(HeaderBlock.firstValue(named: name.uppercased(), in: bytes) == first)
            }
            #expect(HeaderBlock.firstValue(named: "Nothing", in: bytes) == nil)
            #expect(HeaderBlock.firstValue(named: "", in: bytes) == nil)
        }
    }

    @Test(arguments: fields)
    func everyCutOfFieldsIsSafe(message: String, expected: [[String]]) {
        let bytes = Array(message.utf8)
        for cut in 0...bytes.count { withGuarded(Array(bytes[..<cut])) { MessageFuzzing.header($0) } }
    }

    @Test func nonUTF8IsRepaired() {
        withGuarded(Array("A: x".utf8) + [0xFF, 0x0D, 0x0A]) { #expect(HeaderBlock.firstValue(named: "a", in: $0) == "x\u{FFFD}") }
    }

    @Test func rangesCoverTheField() {
        let message = "A: b\r\n c\r\nD: e\r\n\r\nbody"
        withGuarded(message) { bytes in
            let lines = HeaderBlock.fields(in: bytes).map { String(decoding: bytes[$0.line], as: UTF8.self) }
            #expect(lines == ["A: b\r\n c\r\n", "D: e\r\n"])
        }
    }

    @Test func fieldsAreBounded() {
        let message = String(repeating: "a:\n", count: 20_000)
        withGuarded(message) { bytes in
            #expect(HeaderBlock.allFields(in: bytes).count == 10_000)
            #expect(HeaderBlock.allFields(in: bytes, limit: 3).count == 3)
        }
    }

    @Test(arguments: seeds)
    func randomInputKeepsTheInvariants(seed: UInt64) {
        var random = TestRandom(seed)
        let pieces = [
            "A", "Sub-ject", ":", ": ", "\r\n", "\r\n", "\n", "\r", " ", "\t", "\0", "ü", "x", "=?", "?=", ".", "--", "=_",
            String(repeating: "y", count: 500),
        ]
        for _ in 0..<300 {
            let text = randomText(&random, pieces: pieces, upTo: 24)
            withGuarded(text) { bytes in
                MessageFuzzing.header(bytes)
                #expect(HeaderBlock.length(of: bytes) == slowLength(Array(text.utf8)), "seed \(seed)")
            }
        }
    }

    private func slowLength(_ bytes: [UInt8]) -> Int {
        var line: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            line.append(byte)
            guard byte == 10 else { continue }
            if line == [10] || line == [13, 10] { return index + 1 }
            line = []
        }
        return bytes.count
    }
}

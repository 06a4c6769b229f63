import JSON
import Testing

/// Damaged texts: an error or a value, never a trap, and never two opinions.
@Suite struct HostileTests {
    private static let whole = Array(
        #"{"a":[1,-2.5e3,true,null,"x\u00e4\ud83d\ude00\n",""],"bé":{"c":[[]],"d":{}},"e":"0123456789abcdef\"","f":0}"#.utf8)

    @Test func everyPrefixIsRefused() throws {
        #expect(throws: Never.self) { try parse(Self.whole) }
        for length in 0..<Self.whole.count {
            let fault = #expect(throws: JSONFault.self) { try parse(Array(Self.whole.prefix(length))) }
            #expect(fault?.cause == .syntax && (fault?.place?.offset ?? .max) <= length, "cut at \(length)")
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func damageIsAnErrorOrAValue(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var accepted = 0
        for _ in 0..<5_000 {
            var bytes = Self.whole
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let at = bytes.indices.randomElement(using: &random) ?? 0
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: at)
                case 2: bytes.removeLast(bytes.count - max(at, 1))
                default: bytes.insert(Array("\"{}[]:,\\u0e+-. \u{0}".utf8).randomElement(using: &random) ?? 0, at: at)
                }
                if bytes.isEmpty { bytes = [0x20] }
            }
            for rules in [JSONRules.strict, .api, JSONRules(depth: 4, loneSurrogate: .replaced)] {
                let value = try? parse(bytes, rules)
                let isSkipped = bytes.withUnsafeBufferPointer { buffer in
                    (try? JSONScanner.scan(buffer, rules) { scanner throws(JSONFault) in try scanner.skip() }) != nil
                }
                guard let value else { continue }
                accepted += 1
                #expect(isSkipped, "seed \(seed)")
                let written = value.bytes(.record)
                #expect(try parse(written, rules).bytes(.record) == written, "seed \(seed)")
            }
        }
        #expect(accepted > 0 && accepted < 15_000)
    }

    /// What is long takes as long as it is: no part of a text is read for each of its neighbours.
    @Test func lengthIsNoTrap() throws {
        let count = 200_000
        for text in [
            "[" + String(repeating: "0,", count: count) + "0]", "[" + String(repeating: "[],", count: count) + "0]",
            "{" + String(repeating: "\"a\":1,", count: count) + "\"a\":1}", "\"" + String(repeating: "\\n", count: count * 5) + "\"",
            "\"" + String(repeating: "ä😀", count: count) + "\"", String(repeating: " \n", count: count) + "1",
        ] {
            #expect(throws: Never.self) { try JSONValue(parsing: text) }
            #expect(throws: JSONFault.self) { try JSONValue(parsing: text + ",") }
        }
    }
}

import JSON
import Testing

/// The grammar of RFC 8259: what must be read, and what must not.
@Suite struct GrammarTests {
    static let valid: [(text: String, value: JSONValue)] = [
        ("null", .null), ("true", .boolean(true)), ("false", .boolean(false)), (" \t\r\n1 \n", .integer(1)),
        ("0", .integer(0)), ("-0", .integer(0)), ("-1", .integer(-1)), ("9223372036854775807", .integer(.max)),
        ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .double(0x1p63)), ("-9223372036854775809", .double(-0x1p63)),
        ("0.5", .double(0.5)), ("-0.0", .double(0)), ("1e2", .double(100)), ("1E+2", .double(100)), ("25e-1", .double(2.5)),
        ("1e-400", .double(0)), ("0e0", .double(0)), ("0E+1", .double(0)),
        ("123456789012345678901234567890", .double(1.2345678901234568e29)),
        ("\"\"", .string("")), (#""a""#, .string("a")), (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{c}\n\r\t")),
        (#""\u0041\u00e4\u20AC\uD83d\ude00""#, .string("Aä€😀")), (#""\u0000""#, .string("\0")), (#""\uffff""#, .string("\u{ffff}")),
        ("\"\u{7f}\u{80}\u{7ff}\u{800}\u{fffd}\u{10000}\u{10ffff}\"", .string("\u{7f}\u{80}\u{7ff}\u{800}\u{fffd}\u{10000}\u{10ffff}")),
        ("\"\u{2028}\u{2029}\u{feff}\"", .string("\u{2028}\u{2029}\u{feff}")),
        ("[]", .array([])), ("[ ]", .array([])),
        ("[1,[2, {}],\"x\"]", .array([.integer(1), .array([.integer(2), .object([])]), .string("x")])),
        ("{}", .object([])), ("{ }", .object([])), (#"{"":0}"#, .object([.init("", .integer(0))])),
        (#"{"a" : 1 , "b":[null]}"#, .object([.init("a", .integer(1)), .init("b", .array([.null]))])),
        (#"{"a":1,"a":2}"#, .object([.init("a", .integer(1)), .init("a", .integer(2))])),
        (#"{"\u0061\n":1}"#, .object([.init("a\n", .integer(1))])),
    ]

    @Test(arguments: valid.indices) func isRead(_ index: Int) throws {
        let (text, value) = Self.valid[index]
        #expect(try JSONValue(parsing: text) == value)
        #expect(JSONScanner.isValid(text))
        for style in [JSONStyle.record, .policy] {
            #expect(try JSONValue(parsing: String(decoding: value.bytes(style), as: UTF8.self)) == value)
        }
    }

    static let invalid: [String] = [
        "", " ", "nul", "nulll", "truex", "True", "NULL", "NaN", "nan", "Infinity", "-Infinity", "-", "+1", "01", "-01", "00", "1.", ".5",
        "-.5",
        "1.e1", "1e", "1e+", "1E-", "1.5.2", "0x10", "1_000", "1,", ",1", "1 2", "1a", "１",
        "\"", "\"a", "\"\\", "\"\\\"", "'a'", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "\"\u{1f}\"", #""\x""#, #""\a""#, #""\U0041""#,
        #""\u12""#,
        #""\u12g4""#, #""\u 123""#, #""\u+123""#, #""\ud800""#, #""\ud800a""#, #""\ud800\n""#, #""\ud800\u0041""#, #""\ud800\ud800""#,
        #""\udc00""#, #""\udc00\ud800""#, #""\u""#, #""\ud83d\ude0""#, "\"a\" \"b\"", "\"a\"b",
        "[", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "]", "[]]", "[1}", "[\"a\":1]",
        "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\" 1}", "{\"a\",1}",
        "{\"a\":1]",
        "{\"a\":1 \"b\":2}", "{\"a\"::1}", "{null:1}", "}", "{}}", "{\"a\":}",
        "1\u{0}", "\u{0}1", "\u{feff}1", "1\u{a0}", "\u{c}1", "/**/1", "1//", "#1", "undefined",
    ]

    @Test(arguments: invalid) func isRefused(_ text: String) throws {
        let fault = #expect(throws: JSONFault.self) { try JSONValue(parsing: text) }
        #expect(fault?.cause == .syntax)
        #expect((0...text.utf8.count).contains(try #require(fault?.place?.offset)))
        let skipped = #expect(throws: JSONFault.self) {
            try JSONScanner.scan(text, .strict) { scanner throws(JSONFault) in try scanner.skip() }
        }
        #expect(skipped?.message == fault?.message && skipped?.place == fault?.place, "skipping refuses the same, there")
    }

    @Test(
        arguments: [
            [0xff], [0xc0, 0xaf], [0xc3], [0xc3, 0x28], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
            [0xf8, 0x88, 0x80, 0x80, 0x80],
            [0x80], [0xe0, 0x80, 0xaf],
        ] as [[UInt8]])
    func stringsAreUTF8(_ bad: [UInt8]) throws {
        for (before, after) in [("[\"", "\"]"), ("[\"0123456789", "0123456789\"]"), ("[\"\\n", "\\n\"]"), ("{\"", "\":1}"), ("[", "]")] {
            let bytes = Array(before.utf8) + bad + Array(after.utf8)
            let fault = #expect(throws: JSONFault.self) { try parse(bytes) }
            #expect(fault?.cause == .syntax && fault?.place?.offset == before.utf8.count)
        }
    }

    @Test func aByteOrderMarkIsAChoice() throws {
        #expect(try JSONValue(parsing: "\u{feff} 1", .api) == .integer(1))
        for text in ["\u{feff}", "\u{feff}\u{feff}1", "1\u{feff}"] {
            #expect(throws: JSONFault.self) { try JSONValue(parsing: text, .api) }
        }
        let wide: [UInt8] = [0xff, 0xfe, 0x31, 0x00]
        #expect(throws: JSONFault.self) { try parse(wide, .api) }
    }

    @Test(arguments: [
        (#""\ud83d""#, "\u{fffd}"), (#""\ud83d\u0041""#, "\u{fffd}A"), (#""\ude00""#, "\u{fffd}"), (#""\ud800\ud83d\ude00""#, "\u{fffd}😀"),
        (#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
    ])
    func halfASurrogatePairIsAChoice(_ text: String, _ expected: String) throws {
        #expect(throws: JSONFault.self) { try JSONValue(parsing: text) }
        #expect(try JSONValue(parsing: text, JSONRules(loneSurrogate: .replaced)) == .string(expected))
    }

    /// Strings are searched eight bytes at a time: every byte at every place of a word.
    @Test func everyByteAtEveryPlace() throws {
        for length in 0..<20 {
            for at in 0..<max(length, 1) where length > 0 {
                for byte in UInt8.min...(.max) {
                    var inner = [UInt8](repeating: 0x61, count: length)
                    inner[at] = byte
                    let value = try? parse([0x22] + inner + [0x22])
                    let isPlain = byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5c
                    let expected = isPlain ? JSONValue.string(String(decoding: inner, as: UTF8.self)) : nil
                    if value != expected { Issue.record("byte \(byte) at \(at) of \(length): \(String(describing: value))") }
                }
            }
        }
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":", "[[[["])
    func depthIsBounded(_ part: String) {
        for rules in [JSONRules.strict, .api, JSONRules(depth: 1)] {
            let bomb = String(repeating: part, count: 200_000)
            #expect(throws: JSONFault.self) { try JSONValue(parsing: bomb, rules) }
        }
        #expect(!JSONScanner.isValid(String(repeating: part, count: 200_000)))
    }

    @Test func depthCountsValues() throws {
        func nested(_ count: Int, _ inner: String) -> String {
            String(repeating: "[", count: count) + inner + String(repeating: "]", count: count)
        }
        for depth in [1, 2, 64, 512] {
            let rules = JSONRules(depth: depth)
            #expect(throws: Never.self) { try JSONValue(parsing: nested(depth, ""), rules) }
            #expect(throws: Never.self) { try JSONValue(parsing: nested(depth - 1, "1"), rules) }
            #expect(throws: JSONFault.self) { try JSONValue(parsing: nested(depth, "1"), rules) }
            #expect(throws: JSONFault.self) { try JSONValue(parsing: nested(depth + 1, ""), rules) }
        }
        // Depth is not length.
        #expect(throws: Never.self) { try JSONValue(parsing: "[" + String(repeating: "[[]],", count: 1000) + "1]", JSONRules(depth: 3)) }
    }

    @Test(arguments: ["1e309", "-1e309", "1e99999999999", "123456789e400", String(repeating: "9", count: 400)])
    func aNumberCanBeTooLarge(_ text: String) {
        let fault = #expect(throws: JSONFault.self) { try JSONValue(parsing: "{\"a\":[\(text)]}") }
        #expect(fault?.cause == .range && fault?.pathText == "a[0]")
        #expect(fault?.sentence(about: "the body") == "the field 'a[0]' has a number that is too large at line 1, column 7")
        #expect(JSONScanner.isValid(text), "nobody asked for its value")
    }

    @Test func aNumberCanBeTooLong() {
        for text in [
            String(repeating: "1", count: 1_000_000), "0." + String(repeating: "0", count: 1_000_000),
            "1e" + String(repeating: "0", count: 2000),
        ] {
            #expect(throws: JSONFault.self) { try JSONValue(parsing: text) }
        }
    }
}

/// Reads bytes.
func parse(_ bytes: [UInt8], _ rules: JSONRules = .strict) throws -> JSONValue {
    try bytes.withUnsafeBytes { try JSONValue(parsing: $0, rules) }
}

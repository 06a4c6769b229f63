import Testing

@testable import JSON

@Suite struct JSONTextTests {
    @Test(arguments: [
        ("", #""""#), ("plain", #""plain""#), ("a\"b\\c", #""a\"b\\c""#), ("\u{08}\t\n\u{0c}\r", #""\b\t\n\f\r""#),
        ("\u{00}\u{1f}\u{7f}", #""\u0000\u001f\u007f""#), ("grüße 😀", "\"grüße 😀\""), ("\r\n.\r\n", #""\r\n.\r\n""#),
    ])
    func escapesStrings(_ text: String, _ expected: String) {
        var out: [UInt8] = []
        JSONText.append(string: text, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == expected)
        #expect(JSONScanner.isValid(expected))
    }

    @Test(arguments: [
        ([0x61, 0xff, 0x62] as [UInt8], "\"a\u{fffd}b\""), ([0xc3], "\"\u{fffd}\""), ([0xc3, 0xa9], "\"é\""), ([], "\"\""),
        ([0x22, 0x80, 0x0a], "\"\\\"\u{fffd}\\n\""),
    ])
    func repairsBytesThatAreNotUTF8(_ bytes: [UInt8], _ expected: String) {
        var out: [UInt8] = []
        bytes.withUnsafeBytes { JSONText.append(bytes: $0, to: &out) }
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    @Test(arguments: [
        "null", "true", "false", "0", "-0", "12", "-1.5e+10", "1E5", "\"\"", #""a\u00e9\/""#, "[]", "[1, [2], {}]",
        #"{"a":{"b":[null,"x"]},"c":1}"#, " \t\r\n1 ", #"{"":0}"#,
    ])
    func acceptsJSON(_ text: String) { #expect(JSONScanner.isValid(text)) }

    @Test(arguments: [
        "", " ", "nul", "truex", "01", "-", "1.", ".5", "1e", "+1", "\"", "\"a\nb\"", #""\x""#, #""\u12g4""#, #""\u12"#,
        "[", "[1", "[1,]", "[,1]", "]", "{", "{a:1}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "1 2", "{}}", "NaN",
        String(repeating: "[", count: 100_000), String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
    ])
    func refusesWhatIsNotJSON(_ text: String) { #expect(!JSONScanner.isValid(text)) }

    @Test(arguments: [
        ("{\"a\":\n1,\t\"b\":\r\n\"x\\n\"}", "{\"a\": 1, \"b\":  \"x\\n\"}"), ("{\"a\":", "\"{\\\"a\\\":\""), ("x\ny", "\"x\\ny\""),
    ])
    func valuesStayOnOneLine(_ text: String, _ expected: String) {
        var out: [UInt8] = []
        JSONText.append(value: text, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func anyDamageLeavesOneValidLine(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let base = Array(#"{"a":[1,2.5e3,"x\u0041\n",{"b":null}],"c":true}"#.utf8)
        for _ in 0..<400 {
            var bytes = base
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            var out: [UInt8] = []
            JSONText.append(value: String(decoding: bytes, as: UTF8.self), to: &out)
            #expect(!out.contains(0x0a) && JSONScanner.isValid(String(decoding: out, as: UTF8.self)), "seed \(seed)")
        }
    }
}

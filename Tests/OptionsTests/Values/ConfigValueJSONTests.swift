import JSON
import Options
import Shaping
import Testing

@Suite struct ConfigValueJSONTests {
    @Test(arguments: [
        "[]", "{}", #"{"a":[1,-2,3.5,true,false,null,"x"],"b":{"c":""}}"#, #""\u0001\"\\ä""#, "9223372036854775807", "-0.5", "1e+20",
    ])
    func roundTrip(_ text: String) throws {
        let value = try ConfigValue(parsing: text)
        let again = try ConfigValue(parsing: value.json())
        #expect(again == value)
        let pretty = try ConfigValue(parsing: value.json(pretty: true))
        #expect(pretty == value)
    }

    @Test(arguments: [
        "", " ", "[", "[1", "{", "{\"a\"", "{\"a\":", "{a:1}", "tru", "-", "1.", "1e", "\"", "\"\\", "\"\\u12", "\"\\u12x4\"", "\"\u{1}\"",
        "[1 2]", "{\"a\":1,}", "1e999", "+1", "\u{feff}1",
    ])
    func bad(_ text: String) {
        #expect(throws: JSONFault.self) { try ConfigValue(parsing: text) }
    }

    @Test(arguments: [
        (#""\ud83d""#, "\u{fffd}"), (#""\ud83d\u0041""#, "\u{fffd}A"), (#""\ude00""#, "\u{fffd}"),
        (#""\/\b\f\n\r\t""#, "/\u{8}\u{c}\n\r\t"),
    ])
    func escapes(_ text: String, _ value: String) throws {
        let parsed = try ConfigValue(parsing: text)
        #expect(parsed == .string(value))
    }

    /// Random damage to a valid text: an error or a value, never a trap.
    @Test(arguments: [11, 12, 13] as [UInt64])
    func damage(_ seed: UInt64) {
        var random = seed
        let text = Array(#"{"a":[1,-2.5e3,true,null,"x\u00e4\ud83d\ude00\n"],"b":{"c":[[]]}}"#.utf8)
        var accepted = 0
        for _ in 0..<5_000 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var bytes = text
            bytes[Int(random >> 33) % bytes.count] = UInt8(truncatingIfNeeded: random >> 20)
            if random & 1 == 0 { bytes.removeLast(Int(random >> 40) % bytes.count) }
            if let value = try? ConfigValue(parsing: bytes) {
                accepted += 1
                let again = (try? value.json()).flatMap { try? ConfigValue(parsing: $0) }
                #expect(again == value, "seed \(seed)")
            }
        }
        #expect(accepted > 0 && accepted < 5_000)
    }

    @Test func whatPoliciesSee() throws {
        #expect(try ConfigValue(parsing: "[1e3, 1.0, 1, 9223372036854775808]") == [.number(1000), .number(1), 1, .number(0x1p63)])
        #expect(try ConfigValue(parsing: #"{"a":1,"a":2}"#) == ["a": 2], "the last one counts")
        let value: ConfigValue = ["b": [1, .number(2), []], "a": ["c": nil], "e": [:]]
        let pretty = "{\n  \"a\": {\n    \"c\": null\n  },\n  \"b\": [\n    1,\n    2.0,\n    []\n  ],\n  \"e\": {}\n}"
        #expect(try String(decoding: value.json(pretty: true), as: UTF8.self) == pretty)
        #expect(throws: JSONFault.self) { try ConfigValue.list([.number(.nan)]).json() }
        var deep = ConfigValue.list([])
        for _ in 1..<65 { deep = .list([deep]) }
        #expect(try ConfigValue(parsing: deep.json()) == deep)
        #expect(throws: JSONFault.self) { try ConfigValue.list([deep]).json() }
    }

    // MARK: Metadata

    @Test(arguments: [
        (ConfigValue.null, "null"), (.bool(true), "true"), (.integer(-5), "-5"), (.number(1.5), "1.5"), (.number(.infinity), "null"),
        (.string("a\"b\\c\n\r\t\u{1}é\u{8}\u{c}\u{7f}/"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001é\\u0008\\u000c\u{7f}/\""),
        (.list([.integer(1), .string("x")]), #"[1,"x"]"#), (.number(2), "2.0"),
        (.table(["b": .null, "a": .list([])]), #"{"a":[],"b":null}"#),
    ]) func text(_ value: ConfigValue, _ expected: String) { #expect(value.jsonText == expected) }

    @Test(arguments: [
        ConfigValue.bool(false), .integer(.max), .integer(.min), .string(""), .string("plain"), .string("esc\"aped\u{2028}\u{0}"),
        .list([.table(["k": .string("v")]), .null]), .number(0.1),
    ]) func textRoundTrip(_ value: ConfigValue) { #expect(ConfigValue(json: value.jsonText) == value) }

    @Test(arguments: ["", "nonsense", "\"", "{", "\"a\\\"", "\"a\"b\"", "[1,]", "1\u{0}"]) func noJSON(_ text: String) {
        #expect(ConfigValue(json: text) == nil)
    }

    @Test func whatRequestsMean() {
        #expect(ConfigValue(json: "[1e3, 1.0, -0.0, 1.5, 1e18, 1e19]") == [1000, 1, 0, 1.5, 1_000_000_000_000_000_000, .number(1e19)])
        #expect(ConfigValue(json: #"{"a":1,"a":2}"#) == ["a": 1], "the first one counts")
        #expect(ConfigValue(json: "\u{feff}true") == true)
    }
}

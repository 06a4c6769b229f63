import Shaping
import Testing

@testable import Delivery

@Suite struct NodeJSONTests {
    @Test(arguments: [
        (ConfigValue.null, "null"), (.bool(true), "true"), (.integer(-5), "-5"), (.number(1.5), "1.5"), (.number(.infinity), "null"),
        (.string("a\"b\\c\n\r\t\u{1}é"), #""a\"b\\c\n\r\t\u0001é""#), (.list([.integer(1), .string("x")]), #"[1,"x"]"#),
        (.table(["b": .null, "a": .list([])]), #"{"a":[],"b":null}"#),
    ]) func text(_ value: ConfigValue, _ expected: String) { #expect(JSON.text(value) == expected) }

    @Test(arguments: [
        ConfigValue.bool(false), .integer(.max), .integer(.min), .string(""), .string("plain"), .string("esc\"aped\u{2028}\u{0}"),
        .list([.table(["k": .string("v")]), .null]), .number(0.1),
    ]) func roundTrip(_ value: ConfigValue) { #expect(ConfigValue(json: JSON.text(value)) == value) }

    @Test(arguments: ["", "nonsense", "\"", "{", "\"a\\\""]) func noJSON(_ text: String) { #expect(ConfigValue(json: text) == nil) }
}

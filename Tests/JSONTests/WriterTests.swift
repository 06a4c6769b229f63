import JSON
import Testing

/// The bytes that are written, which log readers and other nodes know.
@Suite struct WriterTests {
    private static let text = "\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f} \"\\/\u{7f}\u{80}\u{2028}é😀"

    @Test(arguments: [
        (JSONStyle.record, #""\u0000\b\t\n\u000b\f\r\u001f \"\\/\u007f"# + "\u{80}\u{2028}é😀\""),
        (.policy, #""\u0000\u0008\t\n\u000b\u000c\r\u001f \"\\/"# + "\u{7f}\u{80}\u{2028}é😀\""),
        (.api, #""\u0000\b\t\n\u000b\f\r\u001f \"\\/"# + "\u{7f}\u{80}\u{2028}é😀\""),
        (.escapedSlashes, #""\u0000\b\t\n\u000b\f\r\u001f \"\\\/"# + "\u{7f}\u{80}\u{2028}é😀\""),
    ])
    func strings(_ style: JSONStyle, _ expected: String) {
        #expect(JSONText.string(Self.text, style: style) == expected)
        #expect(String(decoding: JSONValue.string(Self.text).bytes(style), as: UTF8.self) == expected)
    }

    @Test(arguments: [
        (1.0, "1", "1.0"), (1.5, "1.5", "1.5"), (0.1, "0.1", "0.1"), (1e20, "1e+20", "1e+20"), (-0.0, "-0", "-0.0"),
        (1e-7, "1e-07", "1e-07"),
        (.infinity, "null", "null"), (.nan, "null", "null"),
    ])
    func doubles(_ number: Double, _ api: String, _ policy: String) {
        #expect(String(decoding: JSONValue.double(number).bytes(.api), as: UTF8.self) == api)
        #expect(String(decoding: JSONValue.double(number).bytes(.policy), as: UTF8.self) == policy)
    }

    /// As the encoder did that wrote the API before: by the bytes of the names.
    @Test func namesAreSorted() {
        let names = ["b10", "b2", "B1", "a_b", "ab", "A", "é", "e\u{301}z", "z", "_", "1", "@", "a@b", "a:b", "\u{10000}", "\u{ff5e}"]
        let value = JSONValue.object(names.map { .init($0, .null) })
        let expected = ["1", "@", "A", "B1", "_", "a:b", "a@b", "a_b", "ab", "b10", "b2", "e\u{301}z", "z", "é", "\u{ff5e}", "\u{10000}"]
        #expect(
            String(decoding: value.bytes(.api), as: UTF8.self).unicodeScalars.elementsEqual(
                ("{" + expected.map { "\"\($0)\":null" }.joined(separator: ",") + "}").unicodeScalars))
    }

    @Test func absentMembersAreLeftOut() {
        let value = JSONValue.object([
            "a": .optional(nil as String?), "b": .optional("x"), "c": .optional(3), "d": .optional(false), "e": .optional(["y"]),
            "f": .optional(1.5), "g": .counts(["n": 1]), "h": .null,
        ])
        #expect(String(decoding: value.bytes(.api), as: UTF8.self) == #"{"b":"x","c":3,"d":false,"e":["y"],"f":1.5,"g":{"n":1},"h":null}"#)
    }

    @Test func prettyAndEmpty() {
        var writer = JSONWriter(.policy, pretty: true)
        writer.openArray()
        writer.openObject()
        writer.closeObject()
        writer.openObject()
        writer.name("a")
        writer.openArray()
        writer.integer(1)
        writer.null()
        writer.closeArray()
        writer.name("b")
        writer.string("x")
        writer.closeObject()
        writer.closeArray()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == "[\n  {},\n  {\n    \"a\": [\n      1,\n      null\n    ],\n    \"b\": \"x\"\n  }\n]")
    }
}

import JSON
import Testing

/// Faults name what is wrong, where, and what is right.
@Suite struct FaultTests {
    @Test(arguments: [
        ("{\"a\":\n [1,\n  x]}", 13, 3, 3, "a[1]", "the text is not valid JSON: a value was expected in 'a[1]' at line 3, column 3"),
        ("[1 2]", 3, 1, 4, "", "the text is not valid JSON: ',' or ']' was expected at line 1, column 4"),
        ("{\"a\":{\"b\":tru}}", 10, 1, 11, "a.b", "the text is not valid JSON: a value was expected in 'a.b' at line 1, column 11"),
        ("{} x", 3, 1, 4, "", "the text is not valid JSON: there is text after the value at line 1, column 4"),
        ("[\"abc", 1, 1, 2, "[0]", "the text is not valid JSON: the text ends inside the string that begins in '[0]' at line 1, column 2"),
        ("{\"\\ud800\":1}", 2, 1, 3, "", "the text is not valid JSON: an escape is half of a surrogate pair at line 1, column 3"),
    ])
    func placeAndPath(_ text: String, _ offset: Int, _ line: Int, _ column: Int, _ path: String, _ sentence: String) {
        let fault = #expect(throws: JSONFault.self) { try JSONValue(parsing: text) }
        #expect(fault?.place == JSONFault.Place(offset: offset, line: line, column: column))
        #expect(fault?.pathText == path)
        #expect(fault?.description == sentence)
    }

    @Test(arguments: [
        ("{}", "the field 'name' is missing"), ("[]", "the body has the wrong type: it must be an object, not an array"),
        (#"{"name":5}"#, "the field 'name' has the wrong type: it must be a string, not a number"),
        (#"{"name":null}"#, "the field 'name' has the wrong type: it must be a string, not null"),
        (#"{"name":"n","list":["a",{}]}"#, "the field 'list[1]' has the wrong type: it must be a string, not an object"),
        (#"{"name":"n","list":["a"],"count":1.5}"#, "count: it must be a whole number of 64 bits"),
        (#"{"name":"n","list":["a"],"count":"1"}"#, "the field 'count' has the wrong type: it must be a whole number, not a string"),
        (
            #"{"name":"n","list":[],"count":1,"table":{"a":{"b\n":1}}}"#,
            "the field 'table.a' has the wrong type: it must be true or false, not an object"
        ),
    ])
    func fields(_ text: String, _ sentence: String) {
        let fault = #expect(throws: JSONFault.self) {
            let value = try JSONValue(parsing: text)
            _ = try value.string("name")
            _ = try value.strings("list")
            _ = try value.integer("count")
            _ = try value.optional("table") { table throws(JSONFault) in
                try table.asTable { value throws(JSONFault) in try value.asBoolean() }
            }
        }
        #expect(fault?.sentence(about: "the body") == sentence)
    }

    @Test func whatIsRightIsRead() throws {
        let value = try JSONValue(parsing: #"{"s":"x","n":1.0,"d":2,"b":true,"l":["a"],"o":{"k":3,"k":4},"z":null,"s":"y"}"#)
        #expect(try value.string("s") == "x" && value.integer("n") == 1 && value.double("d") == 2 && value.boolean("b"))
        #expect(try value.strings("l") == ["a"] && value.counts("o") == ["k": 3])
        #expect(try value.optionalString("z") == nil && value.optionalInteger("none") == nil && value.optionalBoolean("b") == true)
        #expect(value["z"] == .null && value["none"] == nil && JSONValue.null["z"] == nil)
    }

    @Test func namesInFaultsAreShortAndOnOneLine() {
        let name = "a\n\u{7f}" + String(repeating: "x", count: 200)
        let fault = JSONFault(unusable: "unknown").inside(.member(name)).inside(.element(3))
        #expect(fault.pathText == "[3].a  " + String(repeating: "x", count: 97))
    }
}

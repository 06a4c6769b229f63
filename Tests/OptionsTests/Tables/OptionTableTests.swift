import Options
import Platform
import Testing

/// A table with an option of every kind.
private struct Sample: OptionTable {
    enum Colour: String, CaseIterable {
        case red = "Red"
        case green = "Green"
    }
    struct Inner: OptionTable {
        var depth = 1
        static let options = OptionList<Inner>("sample inner") { OptionRow("depth", \.depth, .int(1...9), "how deep") }
    }

    var name = ""
    var count = 5
    var size = 20 << 20
    var wait = Duration.seconds(90)
    var longest: Duration?
    var isOn = true
    var colour = Colour.red
    var hosts = NetworkList.loopback
    var names: [String] = []
    var room = FreeSpace.percent(10)
    var inner = Inner()
    var listen: ListenAddress?

    static let options = OptionList<Sample>("sample") {
        OptionRow.required("name", \.name, .name, "what it is called")
        OptionRow("count", \.count, .int(1...1_000_000), "how many")
        OptionRow("size", \.size, .bytes(1024...(1 << 40)), "how large")
        OptionRow("wait", \.wait, .duration, "how long")
        OptionRow("longest", \.longest, .duration(.seconds(1) ... .seconds(3600)), none: "no end", "the longest")
        OptionRow("is_on", \.isOn, .bool, "whether")
        OptionRow("colour", \.colour, .choice, "which")
        OptionRow("hosts", \.hosts, .networks, "who ([more](more.md))")
        OptionRow("names", \.names, .names(most: 3), "whom")
        OptionRow("room", \.room, .freeSpace, "what is free")
        OptionRow("inner", \.inner, .table(like: "{ depth = 2 }"), "inside")
        OptionRow("listen", \.listen, .listenAddress, "where")
        OptionRow.ignored("knob", .bool)
        OptionRow.unsupported("later", "sooner")
        OptionRow.unsupported("never", accepting: [.exactly(false)])
    }

    func finish(_ read: OptionReader) throws(ConfigError) {
        guard count < 1000 || isOn else { throw read.fail("count", "is too much for one that is off") }
    }
}

/// One declaration makes the reader, the errors and the manual.
@Suite struct OptionTableTests {
    @Test func whatIsNotGivenIsTheDefault() throws {
        var wanted = Sample()
        wanted.name = "x"
        #expect(try Sample(["name": "x"]) == wanted)
        #expect(try Sample(["name": "x", "count": nil, "knob": true, "never": false]) == wanted)
    }

    @Test func everyKindIsRead() throws {
        let sample = try Sample([
            "name": "x", "count": .number(7), "size": "1 GiB", "wait": "5m", "longest": 60, "is_on": false, "colour": "Green",
            "hosts": "10.0.0.0/8", "names": ["a", "b*"], "room": "5 GiB", "inner": ["depth": 3], "listen": "[::]:25",
        ])
        #expect(sample.count == 7 && sample.size == 1 << 30 && sample.wait == .seconds(300) && sample.longest == .seconds(60))
        #expect(!sample.isOn && sample.colour == .green && sample.hosts.texts == ["10.0.0.0/8"] && sample.names == ["a", "b*"])
        #expect(sample.room == .bytes(5 << 30) && sample.inner.depth == 3 && sample.listen == ListenAddress(host: "::", port: 25))
    }

    @Test(
        arguments: [
            ([:], "sample: option 'name' is required: a text of 1 to 255 bytes without control characters"),
            (["name": 5], "sample: option 'name' must be a text of 1 to 255 bytes without control characters; got 5"),
            (["name": "x", "count": 0], "sample: option 'count' must be a whole number from 1 to 1000000; got 0"),
            (["name": "x", "count": 1.5], "sample: option 'count' must be a whole number from 1 to 1000000; got 1.5"),
            (["name": "x", "wait": "0s"], "sample: option 'wait' must be from 1ms to 366d; got '0s'"),
            (["name": "x", "longest": "2h"], "sample: option 'longest' must be from 1s to 1h; got '2h'"),
            (["name": "x", "is_on": 1], "sample: option 'is_on' must be true or false; got 1"),
            (["name": "x", "colour": "red"], "sample: option 'colour' must be one of 'Red', 'Green'; got 'red'; did you mean 'Red'?"),
            (["name": "x", "names": ["a", "b", "c", "d"]], "sample: option 'names' must have at most 3 entries; got 4"),
            (["name": "x", "inner": ["dept": 1]], "sample inner: option 'dept' is unknown; did you mean 'depth'?"),
            (["name": "x", "inner": 5], "sample: option 'inner' must be a table such as { depth = 2 }; got 5"),
            (["name": "x", "later": 1], "sample: option 'later' is not supported yet by this version"),
            (["name": "x", "never": true], "sample: option 'never' is not supported yet by this version"),
            (["name": "x", "knob": 5], "sample: option 'knob' must be true or false; got 5"),
            (["name": "x", "count": 1000, "is_on": false], "sample: option 'count' is too much for one that is off"),
        ] as [([String: ConfigValue], String)])
    func everyErrorNamesTheOption(table: [String: ConfigValue], text: String) {
        let error = #expect(throws: ConfigError.self) { try Sample(table) }
        #expect(error?.message == text)
    }

    @Test func theManualSaysWhatTheReaderDoes() {
        let manual = OptionManual(Sample.self, of: "make_sample")
        #expect(manual.name == "sample" && manual.function == "make_sample")
        #expect(
            manual.markdown == """
                | option | default | values | |
                |---|---|---|---|
                | `name` | required | name | what it is called |
                | `count` | 5 | 1 to 1,000,000 | how many |
                | `size` | 20 MiB | 1 KiB to 1 TiB | how large |
                | `wait` | 1m30s | duration | how long |
                | `longest` | no end | 1s to 1h | the longest |
                | `is_on` | true | true, false | whether |
                | `colour` | `'Red'` | `'Red'`, `'Green'` | which |
                | `hosts` | 127.0.0.1, ::1 | list of addresses and networks | who ([more](more.md)) |
                | `names` | none | list of names | whom |
                | `room` | 10% | percent, or a size | what is free |
                | `inner` | `{}` | table | inside |
                | `listen` | none | address:port | where |

                | | options |
                |---|---|
                | accepted, no effect | `knob` |
                | refused: not supported yet | `later`, `sooner`; `never` (only false is accepted) |

                """)
        #expect(OptionManual.plain("who ([more](more.md)), `'x'`") == "who (more), 'x'")
    }

    /// What an option of a larger table says, and where it goes.
    @Test func aTableMayHoldAnother() throws {
        struct Outer: OptionTable {
            var inner = Sample.Inner()
            var width = 1
            static let options = OptionList<Outer>("outer") {
                Sample.Inner.options.under(\.inner)
                OptionRow("width", \.width, .int(1...9), "how wide")
            }
        }
        let outer = try Outer(["depth": 4, "width": 2])
        #expect(outer.inner.depth == 4 && outer.width == 2)
        let error = #expect(throws: ConfigError.self) { try Outer(["depth": 10]) }
        #expect(error?.message == "outer: option 'depth' must be a whole number from 1 to 9; got 10")
        #expect(OptionManual(Outer.self, of: "f").entries.map(\.name) == ["depth", "width"])
    }

    @Test(arguments: [(0, "0"), (999, "999"), (9999, "9999"), (10_000, "10,000"), (1_234_567, "1,234,567"), (-10_000, "-10,000")])
    func numbersForPeople(number: Int, text: String) { #expect(WholeNumberText.grouped(number) == text) }

    @Test(arguments: [0, 1, 1023, 1024, 20 << 20, 1 << 40, 1_000_000_000, 3 << 29])
    func sizesReadBack(bytes: Int) throws {
        #expect(try ByteSizeText.parse(.string(ByteSizeText.text(bytes)), option: "x") == bytes)
    }
}

import Options
import Shaping
import TestSupport
import Testing

@Suite struct DurationTextTests {
    @Test(
        arguments: [
            (0, .zero),
            (90, .seconds(90)),
            (1.5, .milliseconds(1500)),
            ("0", .zero),
            ("300", .seconds(300)),
            ("5m", .seconds(300)),
            ("5 m", .seconds(300)),
            ("  90s ", .seconds(90)),
            ("1 hour 30 min", .seconds(5400)),
            ("1h30m", .seconds(5400)),
            ("1d", .seconds(86_400)),
            ("2 weeks", .seconds(14 * 86_400)),
            ("500ms", .milliseconds(500)),
            ("250us", .microseconds(250)),
            ("7ns", .nanoseconds(7)),
            ("1.5h", .seconds(5400)),
            ("0.000000001s", .nanoseconds(1)),
            ("1.5ms", .microseconds(1500)),
            ("1 day 2 hours 3 minutes 4 seconds", .seconds(93_784)),
            ("36500d", .seconds(36_500 * 86_400)),
        ] as [(ConfigValue, Duration)])
    func reads(value: ConfigValue, duration: Duration) throws {
        #expect(try DurationText.parse(value, option: "x") == duration)
    }

    @Test(
        arguments: [
            "", " ", "m", "-5m", "5x", "5 minutez", "1h 30", "30 1h", "5mm5", "1..5s", "1.s", ".5s", "1.0000000001s", "5m,", "1e3s", "0x10",
            "36501d", "99999999999999999999s", "9223372036854775807d", "36500d 1s", "٥m", "5µs", "5\u{0}m", "5m\n", true, nil, [], ["5m"],
            ["a": "5m"], -1, -0.5, .number(.nan), .number(.infinity), .number(1e300), .integer(.max), .integer(.min), "inf", "nan",
        ] as [ConfigValue])
    func refuses(value: ConfigValue) {
        let error = #expect(throws: ConfigError.self) { try DurationText.parse(value, option: "retry_interval") }
        #expect(error?.option == "retry_interval")
        #expect(error?.message.contains("option 'retry_interval' must be a duration") == true)
        #expect(error?.message.contains("'1 hour 30 min'") == true)
    }

    @Test func longTextsAreRefusedUnread() {
        let text = String(repeating: "1s ", count: 100_000)
        let error = #expect(throws: ConfigError.self) { try DurationText.parse(.string(text), option: "x") }
        #expect((error?.message.utf8.count ?? .max) < 400)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func textReadsBack(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let duration = Duration.nanoseconds(Int64.random(in: 0...(36_500 * 86_400 * 1_000_000_000), using: &random))
        #expect(try DurationText.parse(.string(DurationText.text(duration)), option: "x") == duration, "seed \(seed)")
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func noiseNeverTraps(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let text = random.text(of: Array("0123456789.smhdwun -_,é\u{301}\n"), upTo: 40)
        if let duration = try? DurationText.parse(.string(text), option: "x") {
            #expect(duration >= .zero && duration <= DurationText.longest, "seed \(seed): \(text)")
        }
    }

    @Test(
        arguments: [
            (.zero, 0), (.seconds(1), 1_000_000_000), (.nanoseconds(-7), -7), (.seconds(Int64.max), .max), (.seconds(Int64.min), .min),
        ] as [(Duration, Int64)])
    func nanosecondsSaturate(duration: Duration, nanoseconds: Int64) {
        #expect(DurationText.nanoseconds(duration) == nanoseconds)
    }
}

import Options
import Shaping
import Testing

@Suite struct SizeTests {
    @Test(
        arguments: [
            (0, 0), (512, 512), (1e3, 1000), ("17", 17), ("20 MiB", 20_971_520), ("20MiB", 20_971_520), ("20 MB", 20_000_000),
            ("128k", 128_000),
            ("128 Ki", 131_072), ("1_000_000", 1_000_000), ("1,024 bytes", 1024), ("3g", 3_000_000_000), ("1 TiB", 1 << 40),
            ("2tb", 2_000_000_000_000),
        ] as [(ConfigValue, Int)])
    func readsBytes(value: ConfigValue, bytes: Int) throws {
        #expect(try ByteSizeText.parse(value, option: "x") == bytes)
    }

    @Test(
        arguments: [
            "", "MB", "-1", "1.5MB", "1 XB", "1 MB 2", "99999999999999999999", "9223372036854775807 KB", "5000000000 TiB", "10%", true, nil,
            [], -1,
            1.5, .integer(.max), .number(.nan), "1\u{0}",
        ] as [ConfigValue])
    func refusesBytes(value: ConfigValue) {
        let error = #expect(throws: ConfigError.self) { try ByteSizeText.parse(value, option: "max_message_size") }
        #expect(error?.message.contains("option 'max_message_size' must be a size") == true)
    }

    @Test(
        arguments: [
            ("10%", .percent(10)), (" 0 % ", .percent(0)), ("100%", .percent(100)), (4096, .bytes(4096)), ("5GiB", .bytes(5 << 30)),
            ("10", .bytes(10)),
        ] as [(ConfigValue, FreeSpace)])
    func readsFreeSpace(value: ConfigValue, space: FreeSpace) throws {
        #expect(try FreeSpace(value, option: "x") == space)
    }

    @Test(arguments: ["101%", "-1%", "10.5%", "%", "10%%", "10% of it", "", nil, true, -5, "99999999999999999999%"] as [ConfigValue])
    func refusesFreeSpace(value: ConfigValue) {
        let error = #expect(throws: ConfigError.self) { try FreeSpace(value, option: "min_free_space") }
        #expect(error?.message.contains("option 'min_free_space' must be whole percent") == true)
    }

    @Test(
        arguments: [
            (.percent(10), 10, 100, false), (.percent(10), 9, 100, true), (.percent(0), 0, 0, false), (.percent(10), 0, 0, false),
            (.percent(100), .max, .max, false), (.percent(100), .max - 1, .max, true), (.bytes(5), 4, 100, true),
            (.bytes(5), 5, 100, false),
        ] as [(FreeSpace, UInt64, UInt64, Bool)])
    func tellsWhenTooLittleIsFree(space: FreeSpace, free: UInt64, total: UInt64, violated: Bool) {
        #expect(space.isViolated(free: free, total: total) == violated)
    }
}

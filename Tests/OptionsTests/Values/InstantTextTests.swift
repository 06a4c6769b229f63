import Options
import TestSupport
import Testing

@Suite struct InstantTextTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+01:00", 0), ("1999-12-31t23:59:59.25z", 946_684_799_250_000_000),
            ("2000-02-29 12:00:00-05:30", 951_845_400_000_000_000), ("2024-12-31T23:59:60Z", 1_735_689_600_000_000_000),
            ("2100-03-01T00:00:00.000000001Z", 4_107_542_400_000_000_001), ("2038-01-19T03:14:08Z", 2_147_483_648_000_000_000),
            ("2199-12-31T23:59:59.999999999Z", 7_258_118_399_999_999_999),
        ] as [(String, Int64)])
    func moments(text: String, nanoseconds: Int64) { #expect(InstantText.unixNanoseconds(text) == nanoseconds) }

    @Test(arguments: [
        "", "2030", "2030-01-31", "2030-01-31T12:00:00", "2030-01-31T12:00Z", "2030-13-01T00:00:00Z", "2030-00-01T00:00:00Z",
        "2030-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2030-04-31T00:00:00Z", "2030-01-00T00:00:00Z", "2030-01-01T24:00:00Z",
        "2030-01-01T00:60:00Z", "2030-01-01T00:00:61Z", "2030-01-01T00:00:00.Z", "2030-01-01T00:00:00.1234567890Z",
        "2030-01-01T00:00:00+1:00",
        "2030-01-01T00:00:00+24:00", "2030-01-01T00:00:00ZZ", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "9999-01-01T00:00:00Z",
        "2030/01/01T00:00:00Z", "+030-01-01T00:00:00Z", "2030-01-01T00:00:00.5", "٢030-01-01T00:00:00Z", "2030-01-01T00:00:00Z\u{0}",
    ])
    func noMoments(text: String) { #expect(InstantText.unixNanoseconds(text) == nil) }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func noiseIsNoTrap(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = Array("2030-01-31T12:00:00.5+01:00".utf8)
        let noise = Array(random.text(of: Array("0123456789-:TZ.+ \u{e4}"), upTo: 12).utf8)
        let start = noise.count % bytes.count
        bytes.replaceSubrange(start..<min(bytes.count, start + noise.count), with: noise)
        let value = InstantText.unixNanoseconds(String(decoding: bytes, as: UTF8.self))
        #expect(value ?? 0 >= 0, "seed \(seed)")
    }
}

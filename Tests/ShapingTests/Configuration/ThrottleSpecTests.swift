import Shaping
import Testing

@Suite struct ThrottleSpecTests {
    static let second: Int64 = 1_000_000_000

    @Test(arguments: [
        ("100/s", ThrottleSpec(limit: 100, periodNanoseconds: second)),
        ("100/sec", ThrottleSpec(limit: 100, periodNanoseconds: second)),
        ("100/second", ThrottleSpec(limit: 100, periodNanoseconds: second)),
        ("100/m", ThrottleSpec(limit: 100, periodNanoseconds: 60 * second)),
        ("100/min", ThrottleSpec(limit: 100, periodNanoseconds: 60 * second)),
        ("100/minute", ThrottleSpec(limit: 100, periodNanoseconds: 60 * second)),
        ("5/h", ThrottleSpec(limit: 5, periodNanoseconds: 3600 * second)),
        ("5/hr", ThrottleSpec(limit: 5, periodNanoseconds: 3600 * second)),
        ("5/hour", ThrottleSpec(limit: 5, periodNanoseconds: 3600 * second)),
        ("2000/d", ThrottleSpec(limit: 2000, periodNanoseconds: 86_400 * second)),
        ("2000/day", ThrottleSpec(limit: 2000, periodNanoseconds: 86_400 * second)),
        ("20/30min", ThrottleSpec(limit: 20, periodNanoseconds: 1800 * second)),
        ("1,000,000/day", ThrottleSpec(limit: 1_000_000, periodNanoseconds: 86_400 * second)),
        ("1_000/minute", ThrottleSpec(limit: 1000, periodNanoseconds: 60 * second)),
        ("100/s,max_burst=1", ThrottleSpec(limit: 100, periodNanoseconds: second, maxBurst: 1)),
        ("1,000/s,max_burst=2,000", ThrottleSpec(limit: 1000, periodNanoseconds: second, maxBurst: 2000)),
        ("local:10/s", ThrottleSpec(limit: 10, periodNanoseconds: second, isLocal: true)),
        ("local:1_0/2h,max_burst=3", ThrottleSpec(limit: 10, periodNanoseconds: 7200 * second, maxBurst: 3, isLocal: true)),
        (" 10 / 5 s , max_burst = 2 ", ThrottleSpec(limit: 10, periodNanoseconds: 5 * second, maxBurst: 2)),
        ("1000000000/s", ThrottleSpec(limit: 1_000_000_000, periodNanoseconds: second)),
        ("1/366d", ThrottleSpec(limit: 1, periodNanoseconds: 366 * 86_400 * second)),
    ])
    func reads(text: String, spec: ThrottleSpec) throws {
        let read = try ThrottleSpec(parsing: text)
        #expect(read == spec)
        #expect(try ThrottleSpec(parsing: read.text) == read)
    }

    @Test(arguments: [
        ("100/minute", "100/m"), ("60/60s", "60/m"), ("20/30min", "20/30m"), ("1,000/24h", "1000/d"), ("1/90s", "1/90s"),
        ("local:5/s,max_burst=5", "local:5/s"), ("5/s,max_burst=1", "5/s,max_burst=1"),
    ])
    func writes(text: String, shortest: String) throws {
        #expect(try ThrottleSpec(parsing: text).text == shortest)
    }

    @Test(arguments: [
        "", "/", "/s", "100", "100/", "100/fortnight", "100/S", "0/s", "-1/s", "+1/s", "1.5/s", "1e3/s", "100//s", "100/0s", "100/-5s",
        "1,,000/s", ",100/s", "100,/s", "1__0/s", "100/s,", "100/s,burst=5", "100/s,max_burst", "100/s,max_burst=", "100/s,max_burst=0",
        "100/s,max_burst=-1", "100/s max_burst=5", "100/s;", "100/s/s", "100/ss", "remote:100/s", "local:", "local:local:1/s", "Local:1/s",
        "1000000001/s", "99999999999999999999/s", "1/99999999999999999999s", "1/367d", "1/10000h", "1/366d,max_burst=1000000000",
        "100/s,max_burst=1000000001", "٣/s", "100/s\u{0}", "100/s\r\nQUIT", "100 per second", "1/9223372036854775807d",
    ])
    func refuses(text: String) {
        let error = #expect(throws: ConfigError.self) { try ThrottleSpec(parsing: text) }
        #expect(error?.message.contains("is not a rate") == true)
        #expect(error?.message.contains("'20/30min'") == true)
        #expect(error?.message.utf8.contains(0x0D) == false)
    }

    @Test func longTextsAreRefusedUnread() {
        let error = #expect(throws: ConfigError.self) {
            try ThrottleSpec(parsing: String(repeating: "1", count: 1_000_000) + "/s")
        }
        #expect((error?.message.utf8.count ?? .max) < 500)
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func noiseIsRefusedOrReadsBack(seed: UInt64) throws {
        var random = ConfigNoise(seed: seed)
        let text = random.text(of: Array("0123456789//smhd,_= local:max_burst"), upTo: 20)
        guard let spec = try? ThrottleSpec(parsing: text) else { return }
        #expect(try ThrottleSpec(parsing: spec.text) == spec, "seed \(seed): \(text)")
        #expect(spec.periodNanoseconds / Int64(spec.limit) >= 1, "seed \(seed): \(text)")
    }

    @Test func partsBelowOneAreRaised() {
        let spec = ThrottleSpec(limit: 0, periodNanoseconds: -5, maxBurst: 0)
        #expect((spec.limit, spec.periodNanoseconds, spec.maxBurst) == (1, 1, 1))
    }
}

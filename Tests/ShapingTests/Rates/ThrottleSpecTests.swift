import Shaping
import TestSupport
import Testing

@testable import Options

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
        ("100/s,on_store_loss=share", ThrottleSpec(limit: 100, periodNanoseconds: second, onStoreLoss: .share)),
        ("100/s,on_store_loss=closed", ThrottleSpec(limit: 100, periodNanoseconds: second, onStoreLoss: .closed)),
        ("100/s,on_store_loss=local", ThrottleSpec(limit: 100, periodNanoseconds: second, onStoreLoss: .local)),
        (
            "6,000/min,on_store_loss=floor:10/s",
            ThrottleSpec(
                limit: 6000, periodNanoseconds: 60 * second, onStoreLoss: .floor(ThrottleSpec(limit: 10, periodNanoseconds: second)))
        ),
        (
            "6_000/min , on_store_loss = floor : 1,000 / 30 min , max_burst = 4",
            ThrottleSpec(
                limit: 6000, periodNanoseconds: 60 * second, maxBurst: 4,
                onStoreLoss: .floor(ThrottleSpec(limit: 1000, periodNanoseconds: 1800 * second)))
        ),
        (
            "100/s,on_store_loss=floor:100/s",
            ThrottleSpec(
                limit: 100, periodNanoseconds: second, onStoreLoss: .floor(ThrottleSpec(limit: 100, periodNanoseconds: second)))
        ),
    ])
    func reads(text: String, spec: ThrottleSpec) throws {
        let read = try ThrottleSpec(parsing: text)
        #expect(read == spec)
        #expect(try ThrottleSpec(parsing: read.text) == read)
    }

    @Test(arguments: [
        ("100/minute", "100/m"), ("60/60s", "60/m"), ("20/30min", "20/30m"), ("1,000/24h", "1000/d"), ("1/90s", "1/90s"),
        ("local:5/s,max_burst=5", "local:5/s"), ("5/s,max_burst=1", "5/s,max_burst=1"),
        ("60/60s,on_store_loss=floor:1,0/60min,max_burst=60", "60/m,on_store_loss=floor:10/h"),
        ("5/s,on_store_loss=closed,max_burst=2", "5/s,max_burst=2,on_store_loss=closed"),
    ])
    func writes(text: String, shortest: String) throws {
        #expect(try ThrottleSpec(parsing: text).text == shortest)
    }

    @Test(arguments: [
        "", "/", "/s", "100", "100/", "100/fortnight", "100/S", "0/s", "-1/s", "+1/s", "1.5/s", "1e3/s", "100//s", "100/0s", "100/-5s",
        "1,,000/s", ",100/s", "100,/s", "1__0/s", "100/s,", "100/s,burst=5", "100/s,max_burst", "100/s,max_burst=", "100/s,max_burst=0",
        "100/s,max_burst=-1", "100/s max_burst=5", "100/s;", "100/s/s", "100/ss", "remote:100/s", "local:", "local:local:1/s", "Local:1/s",
        "1000000001/s", "99999999999999999999/s", "1/99999999999999999999s", "1/367d", "1/10000h", "1/366d,max_burst=1000000000",
        "100/s,on_store_loss", "100/s,on_store_loss=", "100/s,on_store_loss=open", "100/s,on_store_loss=Closed",
        "100/s,on_store_loss=floor",
        "100/s,on_store_loss=floor:", "100/s,on_store_loss=floor:0/s", "100/s,on_store_loss=floor:10",
        "100/s,on_store_loss=floor:local:1/s",
        "100/s,on_store_loss=floor:1/s,on_store_loss=share", "100/s,on_store_loss=share,on_store_loss=share",
        "100/s,max_burst=1,max_burst=1", "100/s,on_store_loss=floor:101/s", "1/366d,on_store_loss=floor:1000000000/s",
        "100/s,on_store_loss=floor:1/s,on_store_loss=floor:1/s", "local:100/s,on_store_loss=closed", "100/s,on_store_loss=share\u{0}",
        "100/s,on_store_loss=floor:1/s,", "on_store_loss=share", "100/s,max_burst=1000000001", "٣/s", "100/s\u{0}", "100/s\r\nQUIT",
        "100 per second", "1/9223372036854775807d",
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
        var random = SeededGenerator(seed: seed)
        let noise = random.text(of: Array("0123456789//smhd,_= local:max_burst"), upTo: 20)
        let text = seed % 2 == 0 ? noise : "90/s,on_store_loss=floor:" + noise
        guard let spec = try? ThrottleSpec(parsing: text) else { return }
        #expect(try ThrottleSpec(parsing: spec.text) == spec, "seed \(seed): \(text)")
        #expect(spec.periodNanoseconds / Int64(spec.limit) >= 1, "seed \(seed): \(text)")
    }

    @Test func whatHappensWithoutTheStoreIsNoPartOfTheRate() throws {
        let texts = ["100/s", "100/s,on_store_loss=closed", "100/s,on_store_loss=floor:1/s", "100/s,on_store_loss=floor:2/s"]
        let specs = try texts.map { try ThrottleSpec(parsing: $0) }
        for a in specs.indices {
            for b in specs.indices {
                #expect(specs[a].isSameRate(as: specs[b]))
                #expect((specs[a] == specs[b]) == (a == b))
            }
        }
        for other in ["101/s", "100/min", "100/s,max_burst=1", "local:100/s"] {
            #expect(try !specs[0].isSameRate(as: ThrottleSpec(parsing: other)), "\(other)")
        }
    }

    @Test(arguments: [
        ("share", StoreLoss.share), ("closed", .closed), ("local", .local),
        (" floor : 1,0 / min ", .floor(ThrottleSpec(limit: 10, periodNanoseconds: 60 * second))),
    ])
    func storeLossReads(text: String, loss: StoreLoss) throws {
        #expect(try StoreLoss(parsing: text) == loss)
        #expect(try StoreLoss(parsing: loss.text) == loss)
    }

    @Test(arguments: [
        "", "open", "shared", "floor", "floor:", "floor:x", "floor:1/s,max_burst=1", "share closed", "closed\r\nQUIT", "\u{0}",
    ])
    func storeLossRefuses(text: String) {
        let error = #expect(throws: ConfigError.self) { try StoreLoss(parsing: text) }
        #expect(error?.message.contains("share, closed, local or floor:N/[k]PERIOD") == true)
        #expect(error?.message.utf8.contains(0x0D) == false && (error?.message.utf8.count ?? .max) < 500)
    }

    @Test func storeLossHints() {
        let error = #expect(throws: ConfigError.self) { try ThrottleSpec(parsing: "1/s,on_store_loss=flor:1/s") }
        #expect(error?.message.contains("did you mean 'floor'?") == true)
        let long = #expect(throws: ConfigError.self) { try StoreLoss(parsing: String(repeating: "x", count: 1_000_000)) }
        #expect((long?.message.utf8.count ?? .max) < 500)
    }

    @Test func partsBelowOneAreRaised() {
        let spec = ThrottleSpec(limit: 0, periodNanoseconds: -5, maxBurst: 0)
        #expect((spec.limit, spec.periodNanoseconds, spec.maxBurst) == (1, 1, 1))
    }
}

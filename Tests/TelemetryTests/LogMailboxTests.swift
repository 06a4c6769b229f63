import Testing

@testable import Telemetry

@Suite struct LogMailboxTests {
    @Test func overflowIsBoundedByBytesAndTheNewestIsRefused() {
        let size = LogRecord.sample(0).approximateSize
        var box = LogMailbox(capacity: 4, overflowLimit: size * 2)
        for n in 0..<4 { #expect(box.submit(.sample(n)) == .kept(wake: false)) }
        #expect(!box.isCongested)
        #expect(box.submit(.sample(4)) == .overflowed(wake: false))
        #expect(box.isCongested)
        #expect(box.submit(.sample(5)) == .overflowed(wake: false))
        #expect(box.submit(.sample(6)) == .lost)
        #expect(box.take().map(\.id) == (0..<6).map { "id-\($0)" })
        #expect(!box.isCongested && box.count == 0)
        #expect(box.submit(.sample(7)) == .kept(wake: false))
    }

    @Test func staysCongestedUntilHalfIsTaken() {
        var box = LogMailbox(capacity: 1_024, overflowLimit: 1 << 20)
        for n in 0..<1_100 { _ = box.submit(.sample(n)) }
        #expect(box.isCongested)
        #expect(box.take().count == 512)
        #expect(box.isCongested && box.count == 588)
        #expect(box.take().count == 512)
        #expect(!box.isCongested && box.count == 76)
    }

    @Test func wakesTheReaderOnce() {
        var box = LogMailbox(capacity: 100_000, overflowLimit: 0)
        #expect(box.willSleep() == true)
        #expect(box.submit(.sample(0)) == .kept(wake: true))
        #expect(box.submit(.sample(1)) == .kept(wake: false))
        box.didWake()
        #expect(box.willSleep() == false)
        #expect(box.willLinger() == true)
        for n in 2..<4_095 { #expect(box.submit(.sample(n)) == .kept(wake: false)) }
        #expect(box.submit(.sample(4_095)) == .kept(wake: true))
        #expect(box.willLinger() == false)
    }

    @Test func aClosedBoxGivesOutWhatItHas() {
        var box = LogMailbox(capacity: 10, overflowLimit: 0)
        _ = box.submit(.sample(0))
        box.close()
        #expect(box.submit(.sample(1)) == .lost)
        #expect(box.willSleep() == false)
        #expect(box.willLinger() == false)
        #expect(box.take().count == 1)
        #expect(box.take().count == 0)
    }
}

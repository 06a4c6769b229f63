import Testing

@testable import Shaping

struct LimitsStoreLossTests {
    /// Two nodes' worth of configuration that differ in what they do without the store share one history, as if they were the same.
    @Test(arguments: ["5/s", "64/min", "1000/min", "100/s,max_burst=2"])
    func `What happens without the store does not restart a rate`(text: String) throws {
        let plain = try ThrottleSpec(parsing: text)
        let mixed = try ["", ",on_store_loss=closed", ",on_store_loss=floor:1/d"].map { try ThrottleSpec(parsing: text + $0) }
        var one = RateTable(grace: 0, capacity: 10)
        var other = RateTable(grace: 0, capacity: 10)
        let key = LimitKey(name: "k")
        var granted = 0
        for step in 0..<400 {
            let now = second + Int64(step) * 10 * millisecond
            let (a, b) = (step % 3, (step + 1) % 3)
            let expected = one.lease(key, spec: plain, want: 2, now: now)
            let got = other.lease(key, spec: mixed[a], want: 2, now: now)
            #expect(got == expected, "step \(step)")
            guard case .slots(let slots) = got else { continue }
            granted += slots.count
            if step % 4 == 0 {
                one.giveBack(key, spec: plain, slots: slots)
                other.giveBack(key, spec: mixed[b], slots: slots)
            }
        }
        #expect(granted > 0)
    }
}

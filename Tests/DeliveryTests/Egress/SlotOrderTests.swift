import NIOEmbedded
import Testing

@testable import Delivery

@Suite struct SlotOrderTests {
    @Test func slotsAreKeptForWhoWaitsFirst() throws {
        let bench = try Bench()
        let (first, second) = (Bench.deadPath(), Bench.deadPath())
        let slots = bench.services.egressSlots
        slots.limit = 1
        #expect(slots.take(for: first) && !slots.take(for: second) && !slots.take(for: second) && slots.isContended)
        bench.services.giveEgressSlot()
        #expect(slots.used == 1 && !slots.take(for: first), "it is kept for the other")
        #expect(slots.take(for: second))
        bench.loop.run()
        #expect(slots.used == 1)
        bench.services.giveEgressSlot()
        bench.loop.run()
        #expect(slots.used == 0 && !slots.isContended, "the first needs none any more and gives it back")
        slots.limit = 2
        #expect(slots.take(for: first) && slots.take(for: first) && !slots.take(for: first))
        slots.limit = 1
        bench.services.giveEgressSlot()
        #expect(slots.used == 1, "nobody gets one above the limit")
    }
}

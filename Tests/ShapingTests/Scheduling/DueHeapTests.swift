import Platform
import TestSupport
import Testing

@testable import Shaping

@Suite struct DueHeapTests {
    private static let origin = MonotonicInstant.now()

    private static func at(_ milliseconds: Int64) -> MonotonicInstant { origin + .milliseconds(milliseconds) }

    /// A sorted list does the same, slowly.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func behavesLikeASortedList(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var heap = DueHeap()
        var model: [DueEntry] = []
        for step in 0..<800 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let entry = DueEntry(
                    due: Self.at(.random(in: 0..<100, using: &random)), handle: UInt32(step),
                    received: Self.at(1000 * .random(in: 0..<50, using: &random)), attempts: .random(in: 0..<4, using: &random))
                heap.insert(entry)
                model.append(entry)
            case 6..<9:
                let popped = heap.popFirst()
                #expect(popped?.due == model.map(\.due).min())
                if let popped { model.removeAll { $0 == popped } }
            default:
                let limit = Self.at(1000 * .random(in: 0..<20, using: &random))
                let removed = heap.removeReceived(before: limit)
                #expect(Set(removed.map(\.handle)) == Set(model.filter { $0.received < limit }.map(\.handle)))
                model.removeAll { $0.received < limit }
            }
            let now = Self.at(.random(in: -1...101, using: &random))
            #expect(heap.dueCount(at: now) == model.count { $0.due <= now })
            #expect(heap.count == model.count)
            #expect(heap.isEmpty == model.isEmpty)
            #expect(heap.first?.due == model.map(\.due).min())
            #expect(heap.oldest == model.map(\.received).min())
        }
        let limit = Self.at(50)
        heap.advance { $0.attempts == 0 ? $0.due : limit }
        for index in model.indices where model[index].attempts > 0 { model[index].due = min(model[index].due, limit) }
        var drained: [MonotonicInstant] = []
        while let next = heap.popFirst() { drained.append(next.due) }
        #expect(drained == model.map(\.due).sorted())
    }

    @Test func emptyHeapAnswersNothing() {
        var heap = DueHeap()
        #expect(heap.popFirst() == nil)
        #expect(heap.dueCount(at: .distantFuture) == 0)
        #expect(heap.removeReceived(before: .distantFuture).isEmpty)
        #expect(heap.oldest == nil)
    }

    @Test func anEntryTakesSixteenBytes() { #expect(MemoryLayout<DueEntry>.stride == 16) }

    /// What is due is not late, and no message looks older than it is.
    @Test(arguments: [0, 1, 999_999, 1_000_000, 1_500_000_000, -1, -1_500_000_000, 86_400_000_000_000] as [Int64])
    func roundsToTheSafeSide(_ nanoseconds: Int64) {
        let moment = Self.origin.advanced(byNanoseconds: nanoseconds)
        let entry = DueEntry(due: moment, handle: 1, received: moment, attempts: 3)
        #expect(entry.due <= moment && moment - entry.due < .milliseconds(1))
        #expect(entry.received >= moment && entry.received - moment < .seconds(1))
        #expect(entry.attempts == 3)
    }

    @Test(arguments: [MonotonicInstant.distantPast, .distantFuture, .init(nanoseconds: 0), .init(nanoseconds: .max - 1)])
    func takesAnyTime(_ moment: MonotonicInstant) {
        var entry = DueEntry(due: moment, handle: 1, received: moment, attempts: .max)
        #expect(entry.attempts == 65_535)
        #expect(entry.due == .distantFuture || abs((entry.due - moment).components.seconds) < 1 || moment == .distantPast)
        entry.due = Self.origin
        #expect(entry.attempts == 65_535)
        #expect(
            DueEntry(due: .distantPast, handle: 1, received: moment).isBefore(DueEntry(due: .distantFuture, handle: 1, received: moment)))
    }
}

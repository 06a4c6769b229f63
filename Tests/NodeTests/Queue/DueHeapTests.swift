import Testing

@testable import Node

@Suite struct DueHeapTests {
    /// A sorted list does the same, slowly.
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func behavesLikeASortedList(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var heap = DueHeap()
        var model: [DueHeap.Entry] = []
        for step in 0..<800 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let entry = DueHeap.Entry(
                    due: .random(in: 0..<100, using: &random), handle: UInt32(step), created: .random(in: 0..<50, using: &random))
                heap.insert(entry)
                model.append(entry)
            case 6..<9:
                let popped = heap.popFirst()
                #expect(popped?.due == model.map(\.due).min())
                if let popped { model.removeAll { $0 == popped } }
            default:
                let limit = UInt32.random(in: 0..<20, using: &random)
                let removed = heap.removeCreated(before: limit)
                #expect(Set(removed.map(\.handle)) == Set(model.filter { $0.created < limit }.map(\.handle)))
                model.removeAll { $0.created < limit }
            }
            let now = Int64.random(in: -1...101, using: &random)
            #expect(heap.dueCount(at: now) == model.count { $0.due <= now })
            #expect(heap.count == model.count)
            #expect(heap.isEmpty == model.isEmpty)
            #expect(heap.first?.due == model.map(\.due).min())
            #expect(heap.oldestCreated == model.map(\.created).min())
        }
        var drained: [Int64] = []
        while let next = heap.popFirst() { drained.append(next.due) }
        #expect(drained == model.map(\.due).sorted())
    }

    @Test func emptyHeapAnswersNothing() {
        var heap = DueHeap()
        #expect(heap.popFirst() == nil)
        #expect(heap.dueCount(at: .max) == 0)
        #expect(heap.removeCreated(before: .max).isEmpty)
        #expect(heap.oldestCreated == nil)
    }

    @Test func anEntryTakesSixteenBytes() { #expect(MemoryLayout<DueHeap.Entry>.stride == 16) }
}

import Platform

/// Worker threads that read and decode segments ahead of the one that applies them, at most two segments ahead per
/// worker: memory stays bounded by a few segments. *shared*.
final class PreparationPipeline: Sendable {
    private struct Slots {
        var next = 0
        var taken = 0
        var ready: [Int: PreparedSegment] = [:]
        var stopped = false
    }

    private let slots = Guarded(Slots())
    private let candidates: [SegmentCatalog.Candidate]
    private let store: SpoolStore
    private let window: Int
    private let threads = Guarded<[WorkerThread]>([])

    init(candidates: [SegmentCatalog.Candidate], store: SpoolStore, workers: Int) {
        self.candidates = candidates
        self.store = store
        window = workers + 1
        guard workers > 1, candidates.count > 1 else { return }
        for _ in 0..<workers {
            if let thread = try? WorkerThread(name: "spool-scan", body: { [self] in work() }) { threads.withLock { $0.append(thread) } }
        }
    }

    private func work() {
        while true {
            let index = slots.wait { slots -> Int? in
                if slots.stopped || slots.next >= candidates.count { return -1 }
                guard slots.next < slots.taken + window else { return nil }
                slots.next += 1
                return slots.next - 1
            }
            guard let index, index >= 0 else { return }
            let prepared = PreparedSegment.prepare(candidates[index], store: store, newest: index == 0)
            slots.withLock { $0.ready[index] = prepared }
            slots.broadcast()
        }
    }

    /// The segment at `index`; to be asked in order.
    func take(_ index: Int) -> PreparedSegment? {
        if threads.withLock({ $0.isEmpty }) {
            return PreparedSegment.prepare(candidates[index], store: store, newest: index == 0)
        }
        let prepared = slots.wait { slots -> PreparedSegment? in
            guard let prepared = slots.ready.removeValue(forKey: index) else { return nil }
            slots.taken = index + 1
            return prepared
        }
        slots.broadcast()
        return prepared
    }

    func stop() {
        slots.withLock { $0.stopped = true }
        slots.broadcast()
        for thread in threads.withLock({ $0 }) { thread.join() }
    }
}

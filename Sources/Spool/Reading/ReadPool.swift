import Platform

/// Threads that block in pread so that nobody else does. *shared*.
final class ReadPool: Sendable {
    private struct Queue {
        var work: [@Sendable () -> Void] = []
        var head = 0
        var closed = false
    }

    private let queue = Guarded(Queue())
    private let threads = Guarded<[WorkerThread]>([])
    /// Requests that may wait; a node asks for far fewer than this.
    static let bound = 65_536

    init(count: Int) {
        for _ in 0..<count {
            if let thread = try? WorkerThread(name: "spool-read", body: { [queue] in Self.run(queue) }) {
                threads.withLock { $0.append(thread) }
            }
        }
    }

    /// False when too much waits or the pool is closed.
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        let taken = queue.withLock { queue -> Bool in
            guard !queue.closed, queue.work.count - queue.head < Self.bound else { return false }
            queue.work.append(work)
            return true
        }
        if taken { queue.signal() }
        return taken
    }

    private static func run(_ queue: Guarded<Queue>) {
        while true {
            let work = queue.wait { queue -> (@Sendable () -> Void)?? in
                if queue.head < queue.work.count {
                    let work = queue.work[queue.head]
                    queue.work[queue.head] = {}
                    queue.head += 1
                    if queue.head == queue.work.count || queue.head > 4096 {
                        queue.work.removeFirst(queue.head)
                        queue.head = 0
                    }
                    return .some(work)
                }
                return queue.closed ? .some(nil) : nil
            }
            guard case .some(.some(let work)) = work else { return }
            work()
        }
    }

    /// Finishes what waits, then ends the threads.
    func close() {
        queue.withLock { $0.closed = true }
        queue.broadcast()
        let ending = threads.withLock { threads -> [WorkerThread] in
            defer { threads = [] }
            return threads
        }
        for thread in ending { thread.join() }
    }
}

import Glibc

/// Threads with room for deep recursion, which tasks of a pool would share with everybody else.
enum Threads {
    private final class Work: Sendable {
        let body: @Sendable (Int) -> Void
        let index: Int
        init(_ body: @escaping @Sendable (Int) -> Void, _ index: Int) {
            self.body = body
            self.index = index
        }
    }

    /// Runs `body` on `count` threads and waits for all of them.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        var threads: [pthread_t] = []
        for index in 1..<max(1, count) {
            var thread = pthread_t()
            let work = Unmanaged.passRetained(Work(body, index))
            let failure = pthread_create(
                &thread, nil,
                { pointer in
                    guard let pointer else { return nil }
                    let work = Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue()
                    work.body(work.index)
                    return nil
                }, work.toOpaque())
            if failure == 0 { threads.append(thread) } else { work.release() }
        }
        body(0)
        for thread in threads { pthread_join(thread, nil) }
    }
}

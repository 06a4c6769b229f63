import Glibc
internal import Synchronization

/// *Shared*: makes a worker thread the executor of an actor, which then owns what the thread works on.
///
/// The thread enters the actor by `assumeIsolated`, once per batch of work, and runs what others have awaited of the actor in between.
package final class ThreadExecutor: SerialExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    /// `pthread_self` of the thread; 0 before it has begun.
    private let thread = Atomic<UInt>(0)
    private let wake: @Sendable () -> Void

    /// - Parameter wake: tells the thread that a job waits.
    package init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

    /// The calling thread is the executor from now on. Once, before it enters the actor.
    package func begin() { thread.store(UInt(pthread_self()), ordering: .releasing) }

    /// Runs the jobs that wait. On the thread, outside the actor.
    package func runJobs() {
        for job in jobs.withLock({ jobs in
            defer { jobs = [] }
            return jobs
        }) {
            job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        wake()
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(complexEquality: self) }

    package func isSameExclusiveExecutionContext(other: ThreadExecutor) -> Bool { self === other }

    package func checkIsolated() {
        precondition(thread.load(ordering: .acquiring) == UInt(pthread_self()), "an actor was entered on a thread that is not its executor")
    }
}

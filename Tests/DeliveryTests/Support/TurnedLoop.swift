import Dispatch
import Glibc
import NIOCore
import NIOEmbedded
import Synchronization

/// An event loop that turns when the test says so, and on which actors can live: `EmbeddedEventLoop` is no executor. *Loop-confined* to the
/// thread of its test.
final class TurnedLoop: NIOSerialEventLoopExecutor {
    private let embedded = EmbeddedEventLoop()
    private let thread = pthread_self()
    /// What other threads asked for, as those of the spool do: the embedded loop is for one thread.
    private let foreign = Mutex<[@Sendable () -> Void]>([])

    var inEventLoop: Bool { pthread_equal(thread, pthread_self()) != 0 }
    var now: NIODeadline { embedded.now }

    /// Runs what is due now.
    func run() {
        embedded.run()
        while true {
            let tasks = foreign.withLock { tasks in
                defer { tasks = [] }
                return tasks
            }
            guard !tasks.isEmpty else { return }
            for task in tasks { embedded.execute(task) }
            embedded.run()
        }
    }
    /// Lets time pass and runs what falls due.
    func advanceTime(by time: TimeAmount) {
        run()
        embedded.advanceTime(by: time)
    }

    func execute(_ task: @escaping @Sendable () -> Void) {
        if inEventLoop { embedded.execute(task) } else { foreign.withLock { $0.append(task) } }
    }
    func submit<T>(_ task: @escaping @Sendable () throws -> T) -> EventLoopFuture<T> { embedded.submit(task) }
    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        embedded.scheduleTask(deadline: deadline, task)
    }
    func scheduleTask<T>(in time: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        embedded.scheduleTask(in: time, task)
    }
    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        embedded.shutdownGracefully(queue: queue, callback)
    }
    func preconditionInEventLoop(file: StaticString, line: UInt) { embedded.preconditionInEventLoop(file: file, line: line) }
    func preconditionNotInEventLoop(file: StaticString, line: UInt) { embedded.preconditionNotInEventLoop(file: file, line: line) }
}

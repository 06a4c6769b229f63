import Platform
import Synchronization
import Testing

/// An actor that lives on a worker thread.
@Suite struct ThreadActorTests {
    private actor Tally {
        nonisolated let unownedExecutor: UnownedSerialExecutor
        nonisolated let executor: ThreadExecutor
        private(set) var turns = 0
        private var isOver = false

        init(_ executor: ThreadExecutor) {
            self.executor = executor
            unownedExecutor = executor.asUnownedSerialExecutor()
        }

        nonisolated func run(_ wakeup: Wakeup) {
            executor.begin()
            while assumeIsolated({ $0.turn() }) {
                executor.runJobs()
                wakeup.wait(nanoseconds: 60_000_000_000)
            }
        }

        private func turn() -> Bool {
            turns += 1
            return !isOver
        }

        func end() -> Int {
            isOver = true
            return turns
        }
    }

    /// The thread enters its actor, and what others await runs there too.
    @Test func theThreadIsTheExecutor() async throws {
        let wakeup = try Wakeup()
        let tally = Tally(ThreadExecutor { wakeup.signal() })
        let thread = try WorkerThread(name: "tally") { tally.run(wakeup) }
        let turns = await tally.turns
        #expect(turns >= 1)
        #expect(await tally.end() >= turns)
        wakeup.signal()
        thread.join()
    }

    @Test func signalsBeforeTheWaitAreNotLost() throws {
        let wakeup = try Wakeup()
        wakeup.signal()
        wakeup.signal()
        wakeup.wait(nanoseconds: .max)
        #expect(!wakeup.wait(or: -1, nanoseconds: 0))
    }
}

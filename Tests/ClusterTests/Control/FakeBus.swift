import NIOCore
import NIOEmbedded
import Redis

@testable import Cluster

/// One node's way to the fake store, with faults. All on the one thread that turns the embedded loop.
final class FakeBus: CommandBus, @unchecked Sendable {
    /// How bad the way is; each is "once in n".
    struct Faults {
        var loseRequest: Int?
        var loseReply: Int?
        /// The bus never answers, instead of saying `timeout`.
        var silent: Int?
        var repeatReply: Int?
        /// The request arrives long after the bus said `timeout`.
        var late: Int?
        var delay: ClosedRange<Int64> = 1...5
    }

    let loop: EmbeddedEventLoop
    let store: FakeStore
    var faults = Faults()
    /// Nothing gets through, and the bus says so.
    var isDown = false
    /// Pipelines that were sent.
    private(set) var submissions = 0
    private var random: SeededRandom

    init(loop: EmbeddedEventLoop, store: FakeStore, seed: UInt64 = 0) {
        self.loop = loop
        self.store = store
        random = SeededRandom(seed)
    }

    private func happens(_ n: Int?) -> Bool { n.map { random.oneIn($0) } ?? false }

    func submit(
        _ commands: [RedisCommand], scripts: [ScriptCall], urgent: Bool,
        reply: @escaping @Sendable ([Result<RedisValue, RedisFailure>], [Result<RedisValue, RedisFailure>]) -> Void
    ) {
        submissions += 1
        func fail(_ failure: RedisFailure, after: Int64) {
            loop.scheduleTask(in: .milliseconds(after)) {
                reply(commands.map { _ in .failure(failure) }, scripts.map { _ in .failure(failure) })
            }
        }
        guard !isDown else { return fail(.disconnected, after: 1) }
        let isSilent = happens(faults.silent)
        if happens(faults.loseRequest) {
            if !isSilent { fail(.timeout, after: 100) }
            return
        }
        let isLate = happens(faults.late)
        let losesReply = isLate || happens(faults.loseReply)
        let repeats = happens(faults.repeatReply)
        let there = isLate ? Int64.random(in: 500...6_000, using: &random) : Int64.random(in: faults.delay, using: &random)
        let back = Int64.random(in: faults.delay, using: &random)
        if losesReply, !isSilent { fail(.timeout, after: 100) }
        loop.scheduleTask(in: .milliseconds(there)) { [store, loop] in
            let results = (commands.map(store.run), scripts.map(store.run))
            guard !losesReply else { return }
            loop.scheduleTask(in: .milliseconds(back)) { reply(results.0, results.1) }
            if repeats { loop.scheduleTask(in: .milliseconds(back + 700)) { reply(results.0, results.1) } }
        }
    }
}

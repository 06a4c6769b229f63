package import NIOCore
internal import Redis
internal import Synchronization
internal import Telemetry

/// This node's place among the others: its record renewed every two seconds, theirs read. *Shared*; its work is done on `loop`.
///
/// All times are the store's. The record leaves in the same pipeline as whatever else is due. In a large cluster the others are read
/// less often than every two seconds, so that the bytes grow with the nodes and not with their square: every 20 ms per member.
///
/// Diagnostics: a store that is away leaves the last known members standing, with their age; `isStale` says so. Two living processes
/// with one node id are an error in the log of both.
package final class ClusterMembership: Sendable {
    static let keptMilliseconds = 24 * 3_600 * 1_000
    static let most = 5_000
    private static let perMember: Int64 = 20_000_000
    private static let patience: Int64 = 3_000_000_000

    /// What changes together.
    private struct Core: Sendable {
        var own: MemberRecord
        var members: [MemberRecord] = []
        /// When they were read; nil = never.
        var read: Int64?
        var question = 0
        var asked: Int64?
        var isLeaving = false
        var isRunning = false
        var isContested = false
        /// `own` has changed since it was told last.
        var hasNews = false
        var timer: RepeatedTask?
        var observers: [@Sendable () -> Void] = []
    }

    private let bus: any CommandBus
    private let loop: any EventLoop
    private let keys: ControlKeys
    private let interval: TimeAmount
    private let core: Mutex<Core>

    /// Prepares the membership of the node that `record` describes.
    package init(prefix: String, record: MemberRecord, bus: any CommandBus, loop: any EventLoop, interval: TimeAmount = .seconds(2)) {
        self.bus = bus
        self.loop = loop
        self.interval = interval
        keys = ControlKeys(prefix: prefix)
        core = Mutex(Core(own: record))
    }

    private var now: Int64 { Int64(loop.now.uptimeNanoseconds) }

    /// Begins to be a member.
    package func start() {
        loop.execute {
            guard
                self.core.withLock({ core in
                    defer { core.isRunning = true }
                    return !core.isRunning && !core.isLeaving
                })
            else { return }
            let timer = self.loop.scheduleRepeatedTask(initialDelay: .zero, delay: self.interval) { [weak self] _ in self?.beat() }
            self.core.withLock { $0.timer = timer }
        }
    }

    /// All members as they were last read, by node id; `lastSeen` includes the time since, `status` does not: of a store that is
    /// away nobody knows who died meanwhile.
    package var members: [MemberRecord] {
        let now = now
        return core.withLock { core in
            guard let read = core.read else { return [] }
            let age = max(0, now - read) / 1_000_000
            return core.members.map { member in
                var member = member
                member.lastSeen += age
                return member
            }
        }
    }

    /// True while the members were not read for 15 s and more.
    package var isStale: Bool {
        let now = now
        return core.withLock { core in core.read.map { now - $0 > 15_000_000_000 + Int64(core.members.count) * Self.perMember } ?? true }
    }

    /// Changes what this node tells about itself; the others hear of it at once.
    package func update(_ body: @Sendable (inout MemberRecord) -> Void) {
        core.withLock { core in
            body(&core.own)
            core.hasNews = true
        }
        loop.execute { self.beat() }
    }

    /// `body` is called on the loop with each heartbeat: what it submits leaves in the same write.
    package func onHeartbeat(_ body: @escaping @Sendable () -> Void) { core.withLock { $0.observers.append(body) } }

    /// Ends the membership and takes the record away. `reply` is called with false when the store did not confirm it: then the
    /// record goes by its age.
    package func leave(reply: @escaping @Sendable (Bool) -> Void) {
        loop.execute {
            let (timer, own) = self.core.withLock { core in
                core.isLeaving = true
                core.isRunning = false
                return (core.timer.take(), core.own)
            }
            timer?.cancel()
            self.takeAway([own.node, String(own.incarnation)], reply: reply)
        }
    }

    /// Takes away the record of a node that will not come back. `reply` is called with false when that node lives, or when the
    /// store did not confirm it.
    package func forget(_ node: String, reply: @escaping @Sendable (Bool) -> Void = { _ in }) {
        takeAway([node, ""]) { [weak self] isAway in
            if isAway { self?.core.withLock { core in core.members.removeAll { $0.node == node } } }
            reply(isAway)
        }
    }

    private func takeAway(_ arguments: [String], reply: @escaping @Sendable (Bool) -> Void) {
        let call = ScriptCall(script: MemberScripts.leave, keys: [keys.members], arguments: arguments, runID: nil)
        bus.submit([], scripts: [call], urgent: true) { _, results in
            guard case .success(let value)? = results.first else { return reply(false) }
            reply(value.integer == 1)
        }
    }

    private func beat() {
        for observer in core.withLock({ $0.observers }) { observer() }
        let now = now
        let due = core.withLock { core -> (question: Int, own: MemberRecord, readsAll: Bool)? in
            guard core.isRunning else { return nil }
            // A heartbeat on its way is enough, until it must be given up for lost.
            if let asked = core.asked, now - asked < Self.patience { return nil }
            core.question += 1
            core.asked = now
            core.hasNews = false
            let pause = Int64(core.members.count) * Self.perMember
            return (core.question, core.own, core.read.map { now - $0 >= pause } ?? true)
        }
        guard let (question, own, readsAll) = due else { return }
        let call = ScriptCall(
            script: MemberScripts.heartbeat, keys: [keys.members],
            arguments: [
                own.node, String(own.incarnation), String(decoding: own.json, as: UTF8.self), readsAll ? "1" : "0",
                String(Self.keptMilliseconds), String(Self.most),
            ], runID: nil)
        bus.submit([], scripts: [call], urgent: false) { [weak self] _, results in
            self?.received(question, results.first)
        }
    }

    private func received(_ question: Int, _ result: Result<RedisValue, RedisFailure>?) {
        guard loop.inEventLoop else { return loop.execute { self.received(question, result) } }
        let now = now
        let reply: MemberReply? = if case .success(let value)? = result { MemberReply(value) } else { nil }
        let isNews = core.withLock { core in
            guard core.question == question, core.asked != nil else { return false }
            core.asked = nil
            guard let reply else { return false }
            if let members = reply.members {
                core.members = members
                core.read = now
            }
            defer { core.isContested = reply.isContested }
            return reply.isContested && !core.isContested
        }
        guard let reply else { return }
        if core.withLock({ $0.hasNews }) { beat() }
        if isNews {
            let node = core.withLock { $0.own.node }
            Log.error("another process runs with the id of this node: stop one of them, or give it an id of its own", ["node": node])
        }
        if reply.size > Self.most {
            Log.error("the store holds more members than a cluster has: another program uses the same prefix", ["members": reply.size])
        }
        if reply.flawed > 0 { Log.warn("records of members cannot be read", ["count": reply.flawed]) }
    }
}

package import Message
package import NIOCore
package import Policy
package import Spool
import Telemetry

/// *Loop-confined*: everything that lives on one event loop: its Lua state, its scheduled queues, its egress paths.
///
/// Every member but `post` is touched on `loop` only; the class may cross loops because others hold it just to post work to it.
package final class Shard: @unchecked Sendable {
    package let index: Int
    package let loop: any EventLoop
    package let services: DeliveryServices
    /// The Lua state of this loop.
    package private(set) var engine: PolicyEngine?
    /// Wakes queues whose next message falls due.
    let timers: QueueTimers
    /// Runs `delivery_complete` beside the mail path.
    private(set) var events: OutcomeEvents?

    private var mailbox: Mailbox<Work>?
    private var commits: [UInt64: (Result<[SpoolHandle], SpoolError>) -> Void] = [:]
    private var nextTicket: UInt64 = 0
    private var spoolMailbox: CommitMailbox?
    /// Queues this loop has posted to, whatever loop they live on: spares the directory's lock per message.
    var knownQueues: [String: ScheduledQueue] = [:]
    /// The same for egress paths.
    var knownPaths: [PathKey: EgressPath] = [:]

    /// *Value*: what another loop may ask of this one.
    package enum Work: Sendable {
        case accept(QueuedMessage)
        case offer(EgressPath, QueuedMessage)
        case settle(QueuedMessage, AttemptOutcome)
        case pump(ScheduledQueue)
        case run(@Sendable () -> Void)
    }

    package init(index: Int, loop: any EventLoop, services: DeliveryServices) {
        self.index = index
        self.loop = loop
        self.services = services
        self.timers = QueueTimers(loop: loop, clocks: services.clocks)
        self.mailbox = Mailbox(loop: loop) { [unowned self] items in
            for item in items { self.perform(item) }
        }
        self.spoolMailbox = CommitMailbox(shard: self)
    }

    /// Gives the shard its Lua state; on the loop, once, before any work arrives.
    package func start(engine: PolicyEngine) {
        loop.assertInEventLoop()
        self.engine = engine
        self.events = OutcomeEvents(shard: self)
    }

    /// Puts another Lua state in the place of the one in force; on the loop. Handlers that wait end in the state they began in.
    package func replace(engine fresh: PolicyEngine) {
        loop.assertInEventLoop()
        guard let former = engine else { return start(engine: fresh) }
        engine = fresh
        events?.policyChanged()
        retire(former)
    }

    private func retire(_ former: PolicyEngine) {
        guard former.suspendedCalls + former.pausedCalls > 0, services.state.phase != .stopping else { return former.close() }
        let former = LoopBound(former)
        loop.scheduleTask(in: .milliseconds(100)) { [self] in retire(former.value) }
    }

    /// Hands work to this shard: at once when the caller runs on its loop, else with the next drain of its mailbox.
    package func post(_ work: Work) {
        if loop.inEventLoop { perform(work) } else { mailbox?.post(work) }
    }

    /// Like `post`, but never runs inside the caller's stack.
    package func postLater(_ work: Work) { mailbox?.post(work) }

    private func perform(_ work: Work) {
        switch work {
        case .accept(let message): message.queue.accept(message)
        case .offer(let path, let message): path.offer(message)
        case .settle(let message, let outcome): message.queue.settle(message, outcome)
        case .pump(let queue): queue.pump()
        case .run(let work): work()
        }
    }

    /// Appends drafts to the spool and calls back on this loop when they are durable (or refused).
    package func append(
        _ drafts: [SpoolDraft], durability: Durability,
        completion: @escaping (Result<[SpoolHandle], SpoolError>) -> Void
    ) {
        loop.assertInEventLoop()
        guard let spoolMailbox else { return }
        nextTicket &+= 1
        commits[nextTicket] = completion
        services.spool.append(drafts, durability: durability, ticket: nextTicket, to: spoolMailbox)
    }

    /// Appends one piece of a streamed body; calls back on this loop.
    package func appendChunk(
        _ body: MessageID, sequence: Int, bytes: ByteBuffer,
        completion: @escaping (Result<[SpoolHandle], SpoolError>) -> Void
    ) {
        loop.assertInEventLoop()
        guard let spoolMailbox else { return }
        nextTicket &+= 1
        commits[nextTicket] = completion
        services.spool.appendChunk(body, sequence: sequence, bytes: bytes, ticket: nextTicket, to: spoolMailbox)
    }

    /// Calls back on this loop when what was recorded so far can be read back; false when it could not be written yet.
    func barrier(completion: @escaping (Bool) -> Void) {
        loop.assertInEventLoop()
        guard let spoolMailbox else { return }
        nextTicket &+= 1
        commits[nextTicket] = { result in
            if case .success = result { completion(true) } else { completion(false) }
        }
        services.spool.barrier(ticket: nextTicket, to: spoolMailbox)
    }

    fileprivate func committed(_ completions: [SpoolCompletion]) {
        for completion in completions {
            commits.removeValue(forKey: completion.ticket)?(completion.result)
        }
    }
}

/// *Shared*: carries the completions of one commit to the loop that waits for them, with one wake-up.
private final class CommitMailbox: SpoolMailbox {
    private let mailbox: Mailbox<[SpoolCompletion]>

    package init(shard: Shard) {
        self.mailbox = Mailbox(loop: shard.loop) { [unowned shard] batches in
            for batch in batches { shard.committed(batch) }
        }
    }

    package func deliver(_ completions: [SpoolCompletion]) { mailbox.post(completions) }
}

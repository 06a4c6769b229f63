import Cluster
import Message
import NIOCore
import Platform
import Resources
import SMTP
import Shaping
import Spool
import Telemetry

// What rules do to the messages that are in the queue. Runs on the queue's loop, but for `holds`.
extension ScheduledQueue {
    /// Messages looked at before the loop breathes.
    static let sweepBatch = 64

    /// How long until messages that could not be read back are looked at again.
    private static let unreadablePause = Duration.seconds(60)

    /// A rule about this queue came, changed or went.
    func rulesChanged() {
        sweepAgainAt = .distantPast
        pump()
    }

    /// Puts a message where the rules want it: usually into the heap.
    func stay(_ staying: QueuedMessage, due: MonotonicInstant) {
        var message = staying
        if let rule = rules.bounce { return bounce(message, by: rule) }
        if !rebinds.isEmpty, rebind(&message, due: due) { return }
        if message.origin != nil, sendBack(message, due: due) { return }
        keep(message, due: due)
    }

    // MARK: Sweeping

    /// Takes everything out of the heap, to be judged a few at a time once the spool has committed what was recorded about it.
    func startSweep() {
        guard !heap.isEmpty else { return }
        var next = sweep ?? QueueSweep(pending: [])
        next.pending += heap.removeAll()
        next.barriers += 1
        sweep = next
        awaitBarrier()
    }

    func awaitBarrier() {
        ground.barrier { [self] isCommitted in
            // Nothing is read back for a rule that is gone.
            guard isCommitted || (rebinds.isEmpty && sweep?.isForOrigins != true && rules.bounce == nil) else {
                guard services.state.phase != .stopping else { return }
                return ground.address.post(.queue(gate, .awaitBarrier), in: .seconds(1))
            }
            sweep?.barriers -= 1
            continueSweep()
        }
    }

    private func continueLater() {
        guard sweep?.isScheduled == false else { return }
        sweep?.isScheduled = true
        postLater(.sweep)
    }

    /// The next turn of a sweep.
    func resumeSweep() {
        sweep?.isScheduled = false
        continueSweep()
    }

    /// Judges the next messages. Those on disk are read back within the node's slots, so that memory stays bounded.
    func continueSweep() {
        guard let barriers = sweep?.barriers, barriers == 0, services.state.phase != .stopping else { return }
        var budget = Self.sweepBatch
        while let entry = sweep?.pending.last {
            guard budget > 0 else { return continueLater() }
            budget -= 1
            guard isMeant(entry) else {
                sweep?.pending.removeLast()
                heap.insert(entry)
                continue
            }
            if residents[entry.handle] == nil, !services.sweepSlots.take(for: gate) { return }
            sweep?.pending.removeLast()
            services.metrics.scheduledCount.add(-1)
            out += 1
            if let message = residents.removeValue(forKey: entry.handle) {
                judge(message, due: entry.due)
            } else {
                sweep?.reading += 1
                load(entry) { [self] message in
                    services.giveSweepSlot()
                    sweep?.reading -= 1
                    if let message {
                        judge(message, due: entry.due, isFromDisk: true)
                    } else {  // it is back in the heap, or gone
                        out -= 1
                        sweepAgainAt = services.clocks.now + Self.unreadablePause
                    }
                    if sweep?.pending.isEmpty == true { continueSweep() } else { continueLater() }
                }
            }
        }
        guard sweep?.reading == 0 else { return }
        sweep = nil
        finishRebinds()
        postLater(.pump)
    }

    /// Whether a rule may mean the message; what it surely does not mean is not read back.
    private func isMeant(_ entry: DueEntry) -> Bool {
        rules.bounce != nil || sweep?.isForOrigins == true
            || rebinds.contains { entry.received - DueEntry.precision <= $0.issued }
    }

    private func judge(_ judged: QueuedMessage, due: MonotonicInstant, isFromDisk: Bool = false) {
        var message = judged
        out -= 1
        if let rule = rules.bounce { return bounce(message, by: rule) }
        // What waited on disk goes on waiting there.
        if isFromDisk, due > services.clocks.now || !services.resident.hasRoom { release(&message) }
        if !rebinds.isEmpty, rebind(&message, due: due) { return }
        if message.origin != nil, sendBack(message, due: due) { return }
        keep(message, due: due)
    }

    // MARK: Bouncing

    /// Ends a message as a bounce rule wants it: one AdminBounce record per recipient.
    private func bounce(_ message: QueuedMessage, by rule: ControlEntry) {
        let reply = Reply.administrator(rule)
        lastReply = reply.oneLine
        let isLogged = !BouncePayload.suppressesLogging(rule.payload)
        for address in message.recipients {
            services.metrics.failed(provider: setup?.config.providerName)
            let recipient = AttemptOutcome.Recipient(address: address, fate: .bounced, reply: reply)
            let outcome = AttemptOutcome(recipients: [], consumesAttempt: false)
            if isLogged, services.logs.wants(.adminBounce) {
                services.logs.submit(services.logs.record(.adminBounce, message, recipient, outcome, pool: setup?.poolName))
            }
            // For a policy the end is a bounce like any other.
            ground.events?.submit(.bounce, message, recipient, outcome)
        }
        services.bounces.note(rule.id, queue: name)
        finish(message)
    }

    // MARK: Rebinding

    /// Begins a rebind of what is here. What is in ready queues comes back by itself (`holds`).
    func startRebind(_ rebind: Rebind) {
        guard !gate.isRetired else { return rebind.run.queueIsDone() }
        // What waits for an earlier rule waits for this one too, from the start.
        for entry in sweep?.pending ?? [] { heap.insert(entry) }
        sweep?.pending = []
        rebinds.append(rebind)
        gate.recallUntil = rebinds.map(\.issued).max() ?? .distantPast
        startSweep()
        finishRebinds()
    }

    /// Forgets the rebinds once no message that they mean can come back, or their time is over.
    func finishRebinds() {
        guard !rebinds.isEmpty, sweep == nil else { return }
        let now = services.clocks.now
        let done = out == 0 ? rebinds : rebinds.filter { $0.expires <= now }
        guard !done.isEmpty else { return }
        rebinds = out == 0 ? [] : rebinds.filter { $0.expires > now }
        gate.recallUntil = rebinds.map(\.issued).max() ?? .distantPast
        for rebind in done { rebind.run.queueIsDone() }
    }

    /// Applies the rebinds that mean the message; false when they change nothing and it is still to be kept.
    private func rebind(_ message: inout QueuedMessage, due: MonotonicInstant) -> Bool {
        var meta = message.meta
        var applied: Rebind?
        var target = name
        var due = due
        message.reboundUntil = rebinds.map(\.issued).max() ?? .distantPast
        for rebind in rebinds where message.received <= rebind.issued {
            guard let merged = rebind.merged(into: meta) else { continue }
            meta = merged
            applied = rebind
            if rebind.namesQueue { target = Rebind.queueName(meta: meta, recipient: message.recipients.first) ?? target }
            if rebind.isFlushing { due = min(due, services.clocks.now) }
        }
        guard let applied else { return false }
        message.meta = meta
        let stored = message.hasStoredRecipients ? [StoredRecipients.entry(message.recipients)] : []
        services.spool.update(
            message.handle, attempts: message.attempts, due: services.clocks.wallTime(of: due).unixNanoseconds,
            lastReply: message.lastReply,
            meta: meta + stored,
            queue: target == name ? nil : target)
        if applied.isLogged { logRebind(message, applied, target: target) }
        guard target != name else {
            keep(message, due: due)
            return true
        }
        let queue = ground.queue(named: target)
        message.origin = nil
        message.queue = queue
        let entry = message.entry(due: due)
        services.post(queue, message.content == nil ? .adoptEntry(entry, isChecked: true, from: nil) : .adopt(message, due: due))
        return true
    }

    private func logRebind(_ message: QueuedMessage, _ rebind: Rebind, target: String) {
        guard services.logs.wants(.adminRebind) else { return }
        var record = services.logs.record(
            .adminRebind, id: message.id.hex, sender: message.sender.text, recipients: message.recipients.map(\.text),
            created: message.envelope.created)
        record.queue = name
        record.size = message.envelope.size
        record.attempts = message.attempts
        record.meta = message.meta
        record.response = LogRecord.Response(
            code: 250, content: (target == name ? "Rebound in \(name)" : "Rebound from \(name) to \(target)") + ": \(rebind.reason)")
        services.logs.submit(record)
    }
}

extension Reply {
    /// The text of an AdminBounce record.
    static func administrator(_ rule: ControlEntry) -> Reply {
        Reply(
            code: 551, enhanced: EnhancedStatus(5, 7, 1), lines: ["Administrator bounced with reason: \(rule.reason)"])
    }
}

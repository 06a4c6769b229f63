import Cluster
import Message
import Platform
import Shaping
import Spool
import Synchronization
import Telemetry

// Isolation groups: messages of several queues in one queue. Those messages are under the rules of the group and of the queue they came
// from. When a rule holds the latter, they go back there, where it holds or ends them, and come again when it is over. The spool knows them
// by the name of the queue they came from all the time. Runs on the queue's loop.
extension ScheduledQueue {
    /// `queue_name` of the policy names an isolation group: the messages move to the group's own queue.
    func redirectIfGrouped(_ setup: QueueSetup) {
        guard let group = setup.config.queueName, group != parsed.tenant, !isGroup.load(ordering: .acquiring) else {
            redirect = nil
            return
        }
        do throws(QueueNameError) {
            let target = try QueueName(
                campaign: parsed.campaign, tenant: group, domain: parsed.domain, routingDomain: parsed.routingDomain)
            let queue = shard.queue(named: target.text)
            // One hop only: a group keeps what it gets, whatever the policy says for it. When two queues name each other at the same
            // time, both find the mark and both keep their messages.
            queue.isGroup.store(true, ordering: .sequentiallyConsistent)
            if !isGroup.load(ordering: .sequentiallyConsistent) { redirect = queue }
        } catch {
            Log.error("queue_name is no name for a queue", ["queue": name, "error": "\(error)"])
        }
    }

    /// Where what comes to this queue goes on to; `nil` when it stays. What a rule holds stays: the group may not know of the rule.
    var successor: ScheduledQueue? {
        if let redirect, !rules.current(services.control).isHolding { return redirect }
        return isRetired ? shard.queue(named: name) : nil
    }

    func drainIntoRedirect() {
        guard let redirect else { return }
        while let entry = heap.popFirst() {
            services.metrics.scheduledCount.add(-1)
            if let message = residents.removeValue(forKey: entry.handle) {
                message.queue = redirect
                message.origin = message.origin ?? origin
                redirect.shard.postLater(.run { redirect.adopt(message, due: entry.due) })
            } else {
                redirect.shard.postLater(.run { [origin] in redirect.adopt(entry, isChecked: true, from: origin) })
            }
        }
        becameIdle()
    }

    /// Messages of that queue are here.
    package func note(_ origin: GroupOrigin) {
        guard origins.updateValue(origin, forKey: origin.name) == nil, origins.count == 1 else { return }
        services.queues.addGroup(self)
    }

    /// Whether a rule about the queue it came from holds the message; from any loop.
    func isHeldByOrigin(_ message: QueuedMessage) -> Bool { message.origin?.current(services.control).isHolding == true }

    /// Sends a message back to the queue it came from when a rule holds that one; false when it may stay.
    func sendBack(_ message: QueuedMessage, due: MonotonicInstant) -> Bool {
        guard let origin = message.origin, isHeldByOrigin(message), let handle = message.handle else { return false }
        message.origin = nil
        guard message.content != nil else {
            sendBack(
                DueEntry(due: due, handle: handle.raw, received: message.received, attempts: message.attempts), isChecked: true, to: origin)
            return true
        }
        let queue = shard.queue(named: origin.name)
        message.queue = queue
        queue.shard.postLater(.run { queue.adopt(message, due: due) })
        return true
    }

    /// The same with a message whose content is on disk.
    func sendBack(_ entry: DueEntry, isChecked: Bool, to origin: GroupOrigin) {
        let queue = shard.queue(named: origin.name)
        queue.shard.postLater(.run { queue.adopt(entry, isChecked: isChecked) })
    }

    /// Rules about some queues changed, maybe of those whose messages are here. A suspension waits until a message would be sent; a bounce
    /// ends what is meant at once, due or not.
    func originsChanged(_ scope: ControlScope) {
        guard origins.values.contains(where: { scope.matches(queue: $0.parts) && $0.current(services.control).bounce != nil }) else {
            return
        }
        startSweep()
        sweep?.isForOrigins = true
    }
}

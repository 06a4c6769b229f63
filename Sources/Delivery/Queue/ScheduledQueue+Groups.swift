import Cluster
import Message
import Platform
import Resources
import Shaping
import Spool
import Telemetry

// Isolation groups: messages of several queues in one queue. Those messages are under the rules of the group and of the queue they came
// from. When a rule holds the latter, they go back there, where it holds or ends them, and come again when it is over. The spool knows them
// by the name of the queue they came from all the time. Runs on the queue's loop.
extension ScheduledQueue {
    /// `queue_name` of the policy names an isolation group: the messages move to the group's own queue.
    func redirectIfGrouped(_ setup: QueueSetup) {
        let parsed = gate.parsed
        guard let group = setup.config.queueName, group != parsed.tenant, !gate.isGroup else {
            redirect = nil
            return
        }
        do throws(QueueNameError) {
            let target = try QueueName(
                campaign: parsed.campaign, tenant: group, domain: parsed.domain, routingDomain: parsed.routingDomain)
            let queue = ground.queue(named: target.text)
            // One hop only: a group keeps what it gets, whatever the policy says for it. When two queues name each other at the same
            // time, both find the mark and both keep their messages.
            queue.becomeGroup()
            if !gate.isGroup { redirect = queue }
        } catch {
            Log.error("queue_name cannot be the name of a queue", ["queue": name, "error": "\(error)"])
        }
    }

    /// Where what comes to this queue goes on to; `nil` when it stays. What a rule holds stays: the group may not know of the rule.
    var successor: QueueGate? {
        if let redirect, !rules.isHolding { return redirect }
        return gate.isRetired ? ground.queue(named: name) : nil
    }

    func drainIntoRedirect() {
        guard let redirect else { return }
        while let entry = heap.popFirst() {
            services.metrics.scheduledCount.add(-1)
            if var message = residents.removeValue(forKey: entry.handle) {
                message.queue = redirect
                message.origin = message.origin ?? gate.origin
                services.post(redirect, .adopt(message, due: entry.due))
            } else {
                services.post(redirect, .adoptEntry(entry, isChecked: true, from: gate.origin))
            }
        }
        becameIdle()
    }

    /// Messages of that queue are here.
    func note(_ origin: GroupOrigin) {
        guard origins.updateValue(origin, forKey: origin.name) == nil, origins.count == 1 else { return }
        services.queues.addGroup(gate)
    }

    /// Sends a message back to the queue it came from when a rule holds that one; false when it may stay.
    func sendBack(_ message: QueuedMessage, due: MonotonicInstant) -> Bool {
        guard let origin = message.origin, message.isHeldByOrigin(services.control) else { return false }
        guard message.content != nil else {
            sendBack(message.entry(due: due), isChecked: true, to: origin)
            return true
        }
        var message = message
        message.origin = nil
        message.queue = ground.queue(named: origin.name)
        services.post(message.queue, .adopt(message, due: due))
        return true
    }

    /// The same with a message whose content is on disk.
    func sendBack(_ entry: DueEntry, isChecked: Bool, to origin: GroupOrigin) {
        services.post(ground.queue(named: origin.name), .adoptEntry(entry, isChecked: isChecked, from: nil))
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

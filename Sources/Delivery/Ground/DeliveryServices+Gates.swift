import DNS
import Message
import Platform

// Queues and paths as every part of the node names them; from any thread.
extension DeliveryServices {
    /// The queue of that name; a new one belongs to the shard of its site (when it is known) or its domain.
    package func queue(named name: String) -> QueueGate {
        if let queue = queues.existing(named: name) { return queue }
        // One queue, whatever form of its name an earlier version or a policy wrote.
        let name = QueueName.canonical(name)
        return queues.queue(named: name) {
            let parsed = (try? QueueName(parsing: name)) ?? QueueName(fallback: name)
            let domain = parsed.routingDomain ?? parsed.domain
            let site = router.cachedRoute(domain, now: .now())?.siteName ?? domain
            return QueueGate(name: name, parsed: parsed, shard: shards.index(for: site))
        }
    }

    /// The path from a source to the site of a route; a new one belongs to the shard of its site.
    func path(source: EgressSource, route: MailRoute, domain: String) -> PathGate {
        let name = "\(source.name)->\(route.siteName)@smtp_client"
        return paths.path(named: name) {
            PathGate(name: name, source: source, route: route, domain: domain, shard: shards.index(for: route.siteName))
        }
    }

    /// Asks something of a queue.
    package func post(_ queue: QueueGate, _ command: consuming QueueCommand) { shards.post(queue, command) }
    /// Asks something of a path.
    package func post(_ path: PathGate, _ command: consuming PathCommand) { shards.post(path, command) }

    /// Gives places in a ready queue back, and pumps the queues that wait for them.
    func giveBack(_ count: Int, to path: PathGate) { pump(path.giveBack(count, control)) }

    /// Pumps queues.
    func pump(_ queues: [QueueGate]) { for queue in queues { post(queue, .pump) } }

    /// Gives the slot of a connection back; the path that waits for it is called.
    func giveEgressSlot() {
        if let next = egressSlots.give() { post(next, .slotGranted) }
    }

    /// Gives the slot of a message that was read back for a rule.
    func giveSweepSlot() {
        sweepSlots.give()
        callNextSweep()
    }

    /// Calls a queue that waits for such a slot, if there is one.
    func callNextSweep() {
        if let next = sweepSlots.next() { post(next, .sweepSlotFree) }
    }
}

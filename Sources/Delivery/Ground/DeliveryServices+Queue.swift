import DNS
import Message
import Platform

extension DeliveryServices {
    /// The queue of that name, from any thread.
    package func queue(named name: String) -> ScheduledQueue {
        if let queue = queues.existing(named: name) { return queue }
        // One queue, whatever form of its name an earlier version or a policy wrote.
        let name = QueueName.canonical(name)
        return queues.queue(named: name) {
            let parsed = (try? QueueName(parsing: name)) ?? QueueName(fallback: name)
            let domain = parsed.routingDomain ?? parsed.domain
            let site = router.cachedRoute(domain, now: .now())?.siteName ?? domain
            return ScheduledQueue(name: name, parsed: parsed, shard: shards.shard(for: site))
        }
    }
}

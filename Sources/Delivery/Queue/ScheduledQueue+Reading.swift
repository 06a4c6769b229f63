import NIOCore
import Platform
import Spool
import Telemetry

// How deferred messages come back from the spool.
extension ScheduledQueue {
    /// Reads a deferred message back from the spool. `completion` runs on this loop.
    package func load(_ entry: DueEntry, completion: @escaping (QueuedMessage?) -> Void) {
        let box = LoopBound(completion)
        services.spool.read(SpoolHandle(raw: entry.handle), ticket: 0) { [shard] result in
            shard.postLater(
                .run { [self] in
                    switch result {
                    case .success(let stored): box.value(restore(stored, entry))
                    case .failure(let error):
                        unreadable(entry, error)
                        box.value(nil)
                    }
                })
        }
    }

    /// A message could not be read. A read pool that is full is asked again soon. A damaged record stays where it is (the spool keeps a
    /// copy) and is asked for again, until the message is over age: then it ends with a line in the log, since nothing else is known of it.
    private func unreadable(_ entry: DueEntry, _ error: SpoolError) {
        let now = services.clocks.now
        func again(after wait: Duration) {
            var entry = entry
            entry.due = now + wait
            insert(entry)
        }
        if error.code == .overloaded { return again(after: .seconds(1)) }
        Log.error("a queued message cannot be read back", ["queue": name, "error": "\(error)"])
        let isOverAge = now - entry.received > maximumAge
        guard error.code == .gone || (isOverAge && error.code == .corrupt) else { return again(after: .seconds(300)) }
        services.metrics.expired.add(1)
        services.metrics.messageCount.add(-1)
        services.spool.done(SpoolHandle(raw: entry.handle))
    }
}

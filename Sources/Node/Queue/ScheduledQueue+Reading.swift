import NIOCore
import Spool
import Telemetry

// How deferred messages come back from the spool.
extension ScheduledQueue {
    /// Reads a deferred message back from the spool. `completion` runs on this loop.
    func load(_ entry: DueHeap.Entry, completion: @escaping (QueuedMessage?) -> Void) {
        let box = LoopBound(completion)
        services.spool.read(SpoolHandle(raw: entry.handle), ticket: 0) { [shard] result in
            shard.postLater(
                .run { [self] in
                    switch result {
                    case .success(let stored): box.value(restore(stored))
                    case .failure(let error):
                        unreadable(entry, error)
                        box.value(nil)
                    }
                })
        }
    }

    /// A message could not be read. A read pool that is full is asked again soon. A damaged record stays where it is (the spool keeps a
    /// copy) and is asked for again, until the message is over age: then it ends with a line in the log, since nothing else is known of it.
    private func unreadable(_ entry: DueHeap.Entry, _ error: SpoolError) {
        let now = Clock.wall()
        let handle = SpoolHandle(raw: entry.handle)
        let created = Int64(entry.created) * 1_000_000_000
        if error.code == .overloaded { return insert(handle, due: now / 1_000_000 + 1000, created: created) }
        Log.error("a queued message cannot be read back", ["queue": name, "error": "\(error)"])
        let isOverAge = maximumAge.map { now - created > $0 } ?? false
        guard error.code == .gone || (isOverAge && error.code == .corrupt) else {
            return insert(handle, due: now / 1_000_000 + 300_000, created: created)
        }
        services.metrics.expired.add(1)
        services.metrics.messageCount.add(-1)
        services.spool.done(handle)
    }
}

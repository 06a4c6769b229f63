import NIOCore
import Platform
import Resources
import Shaping
import Spool
import Telemetry

// How deferred messages come back from the spool.
extension ScheduledQueue {
    /// Reads a deferred message back from the spool. `completion` runs on this loop.
    func load(_ entry: DueEntry, completion: @escaping (QueuedMessage?) -> Void) {
        let handle = SpoolHandle(raw: entry.handle)
        readings[handle] = Reading(entry: entry, completion: completion)
        services.spool.read(handle, ticket: 0) { [gate, services] result in services.post(gate, .readBack(handle, result)) }
    }

    /// The spool has read a message, or could not.
    func readBack(_ handle: SpoolHandle, _ result: Result<SpoolMessage, SpoolError>) {
        guard let reading = readings.removeValue(forKey: handle) else { return }
        switch result {
        case .success(let stored): reading.completion(restore(stored, reading.entry))
        case .failure(let error):
            unreadable(reading.entry, error)
            reading.completion(nil)
        }
    }

    /// *Loop-confined*: a message that is being read back, and what is to be done with it.
    struct Reading {
        let entry: DueEntry
        let completion: (QueuedMessage?) -> Void
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

import Client
import Cluster
import DNS
import Message
import Platform
import Resources
import Shaping
import Spool

// Why the messages of a queue do not move, in sentences. Runs on the queue's loop.
extension ScheduledQueue {
    /// Why the path that got the last message sends nothing.
    var lastPathBlock: String? { lastPath?.blockText(services.control, services.clocks) }

    /// The most important first.
    func explanation() -> [String] {
        let status = status()
        let rules = rules
        var sentences = RuleSentences.about(rules)
        var count = "\(status.scheduled) message\(status.scheduled == 1 ? "" : "s") wait\(status.scheduled == 1 ? "s" : "") here"
        count += ", \(status.due) of them due; \(status.active) \(status.active == 1 ? "is" : "are") ready or on a connection."
        if let age = status.oldestAge { count += " The oldest came \(Clocks.age(age)) ago." }
        sentences.append(count)
        if let sweep { sentences.append("\(sweep.pending.count + sweep.reading) of them are being bounced or rebound.") }
        if !rules.isHolding {
            if let reason = block.text(path: lastPathBlock, services.clocks), status.due > 0 {
                sentences.append("What is due waits: \(reason).")
            } else if out > 0, let path = lastPath, let reason = lastPathBlock {
                sentences.append("What is ready waits in path \(path.name): \(reason).")
            } else if status.due == 0, let first = heap.first {
                sentences.append("The first falls due \(services.clocks.moment(first.due)).")
            } else if status.due > 0 || out > 0 {
                sentences.append("Nothing holds it: it is being sent.")
            }
        }
        if case .route(_, .some) = block, status.due > 0 {
            let seconds = Double(services.router.negativeTTL.components.seconds)
            sentences.append(
                "That a domain or a record does not exist is remembered as long as its zone says, for at most \(Clocks.age(seconds)) (kumo.dns.set_mx_negative_cache_ttl)."
            )
        }
        if let lastReply { sentences.append("The last reply that was not a success: \(lastReply)") }
        return sentences
    }

    /// Where a message of this queue waits; `nil` when the queue has handed it out.
    func place(of handle: SpoolHandle) -> [String]? {
        if sweep?.pending.contains(where: { $0.handle == handle.raw }) == true {
            return ["It waits in queue \(name), to be bounced or rebound."] + RuleSentences.about(rules)
        }
        guard let entry = heap.entry(handle.raw) else { return nil }
        let due = services.clocks.text(of: entry.due)
        let isDue = entry.due <= services.clocks.now
        return ["It waits in queue \(name); it \(isDue ? "has been due since" : "is due") \(due)."]
            + (isDue || rules.isHolding ? explanation() : [])
    }
}

package import AsyncHTTPClient
package import Client
package import Cluster
package import Delivery
import Message
import NIOCore
import Resources
import Spool

/// *Value*: why something does not move, as this node and the other members say.
package struct Explainer: Sendable {
    private let shards: Shards
    private var services: DeliveryServices { shards.services }
    private let view: any ClusterView
    private let http: HTTPClient

    /// - Parameter http: asks the other members.
    package init(_ shards: Shards, view: any ClusterView, http: HTTPClient) {
        self.shards = shards
        self.view = view
        self.http = http
    }

    /// Why something does not move: what this node says, and with `cluster` what every other member says.
    package func explain(_ question: ExplainQuestion, cluster: Bool) async -> Explanation {
        await explain(question, peers: cluster ? view.members() : [])
    }

    /// The same with the members given.
    package func explain(_ question: ExplainQuestion, peers members: [MemberRecord]) async -> Explanation {
        var explanation = Explanation(subject: question.subject, answers: [await explain(question)], unanswered: [])
        let peers = members.filter { $0.node != services.control.node && $0.status != .gone }
        let client = http
        let results = await withTaskGroup(of: PeerAnswer.self) { group in
            var results: [PeerAnswer] = []
            // A few at a time: a question must not open as many connections as there are nodes.
            for (index, peer) in peers.enumerated() {
                if index >= 16, let result = await group.next() { results.append(result) }
                group.addTask { await PeerAnswer.ask(peer, question, by: client) }
            }
            for await result in group { results.append(result) }
            return results
        }
        for result in results.sorted(by: { $0.node < $1.node }) {
            switch result.result {
            case .success(let answer): explanation.answers.append(answer)
            case .failure(let error): explanation.unanswered.append(.init(node: result.node, reason: error.message))
            }
        }
        return explanation
    }

    private func explain(_ question: ExplainQuestion) async -> Explanation.Answer {
        switch question {
        case .queue(let name): await explain(queue: name)
        case .path(let name): await explain(path: name)
        case .message(let id): await explain(message: id)
        }
    }

    private func answer(_ found: Bool, _ sentences: [String]) -> Explanation.Answer {
        Explanation.Answer(node: services.control.node, found: found, sentences: sentences)
    }

    private var recoveryNote: [String] {
        services.state.isRecovered ? [] : ["The spool is still being read: more may come to light."]
    }

    // MARK: Queues and paths

    private func explain(queue text: String) async -> Explanation.Answer {
        let name = QueueName.canonical(text)
        guard let queue = services.queues.existing(named: name) else {
            var sentences = ["This node has nothing in a queue of the name \(name)."]
            if let parsed = try? QueueName(parsing: name) {
                let rules = QueueRules(parts: QueueParts(parsed, name: name)).current(services.control)
                sentences += RuleSentences.about(rules)
            }
            return answer(false, sentences + recoveryNote)
        }
        let sentences = await shards.explanation(of: queue)
        return answer(true, sentences + recoveryNote)
    }

    private func explain(path name: String) async -> Explanation.Answer {
        guard let path = services.paths.existing(named: name) else {
            var sentences = ["This node has sent nothing over a path of the name \(name) in the last ten minutes."]
            if let rule = services.control.pathSuspension(name) { sentences.append(RuleSentences.path(rule)) }
            return answer(false, sentences)
        }
        return answer(true, await shards.explanation(of: path))
    }

    // MARK: Messages

    private func explain(message id: MessageID) async -> Explanation.Answer {
        guard let handle = services.spool.handle(of: id) else {
            return answer(
                false,
                ["This node does not have the message: it was delivered, bounced or expired here, or was never here; the logs tell."]
                    + recoveryNote)
        }
        let stored: Result<SpoolMessage, SpoolError> = await withCheckedContinuation { continuation in
            services.spool.read(handle, ticket: 0) { continuation.resume(returning: $0) }
        }
        let envelope: SpoolEnvelope
        switch stored {
        case .success(let message): envelope = message.envelope
        case .failure(let error): return answer(true, ["The message is in the spool and cannot be read now: \(error)"])
        }
        let (_, remaining) = StoredRecipients.split(envelope.meta)
        let recipients = remaining ?? envelope.recipients
        var sentences = [
            "It is from <\(envelope.sender)> for \(recipients.prefix(10).joined(separator: ", "))"
                + (recipients.count > 10 ? " and \(recipients.count - 10) more" : "")
                + ", came \(MessageDate.rfc3339(unixNanoseconds: envelope.created)), and has had \(envelope.attempts) attempt\(envelope.attempts == 1 ? "" : "s")."
        ]
        if !envelope.lastReply.isEmpty { sentences.append("The last reply was: \(envelope.lastReply)") }
        if let place = await place(of: handle, id: id, queue: envelope.queue) { sentences = place + sentences }
        return answer(true, sentences + recoveryNote)
    }

    /// Where a message is; `nil` when it is on its way between two places, or ended in this moment.
    private func place(of handle: SpoolHandle, id: MessageID, queue name: String) async -> [String]? {
        guard let queue = services.queues.existing(named: name) else { return ["It belongs to queue \(name)."] }
        if let waiting = await shards.place(of: handle, in: queue) { return waiting }
        if let found = await shards.place(of: id) { return ["It belongs to queue \(name)."] + found }
        return ["It belongs to queue \(name), and is on its way between the queue and a path; ask again."]
    }
}

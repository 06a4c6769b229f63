import Cluster
import Message
import Options
import Shaping

// Why a path sends nothing, in sentences. Runs on the path's loop.
extension EgressLane {
    /// The most important first.
    func explanation() -> [String] {
        var sentences: [String] = []
        if let rule = suspension { sentences.append(RuleSentences.path(rule)) }
        var phases: [String: Int] = [:]
        for connection in connections.values { phases[connection.phase, default: 0] += 1 }
        var count = "\(ready.count) message\(ready.count == 1 ? " is" : "s are") ready; \(connections.count)"
        if let limit = config?.table.connectionLimit.count { count += " of at most \(limit)" }
        count += " connection\(connections.count == 1 && config == nil ? "" : "s")"
        count += phases.isEmpty ? "." : ": \(phases.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))."
        sentences.append(count)
        if suspension == nil {
            if let blockText {
                sentences.append("It waits for: \(blockText).")
            } else if ready.isEmpty {
                sentences.append("Nothing is to be sent.")
            } else {
                sentences.append("Nothing holds it: it is sending.")
            }
        }
        if let lastReply { sentences.append("The last reply that was not a success: \(lastReply)") }
        return sentences
    }

    /// Where a message is, when it is here.
    func place(of id: MessageID) -> [String]? {
        if let connection = connections.values.first(where: { $0.holds(id) }) {
            return ["A connection of path \(name)" + (connection.peerText.map { " to \($0)" } ?? "") + " has it: \(connection.phase)."]
        }
        guard let index = ready.firstIndex(where: { $0.message.id == id }) else { return nil }
        return ["It is number \(index + 1) of \(ready.count) in the ready queue of path \(name)."] + explanation()
    }
}

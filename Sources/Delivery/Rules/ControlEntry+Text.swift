package import Cluster
import Message

// How a rule is named to people: why, who, which, until when.
extension ControlEntry {
    /// `asked by postmaster (by 10.0.0.7, rule 01ab…, until 2026-01-01T00:00:00Z)`.
    package var sentence: String {
        var facts = [issuer.isEmpty ? "by an unknown issuer" : "by \(issuer)"]
        if !node.isEmpty { facts[0] += " on \(node)" }
        facts.append("rule \(id)")
        facts.append(
            expires.map { "until \(MessageDate.rfc3339(unixNanoseconds: $0 / 1_000_000_000 * 1_000_000_000))" } ?? "until it is removed")
        return "\(reason.isEmpty ? "no reason given" : reason) (\(facts.joined(separator: ", ")))"
    }

    /// Whether the rule is a pause: one queue, named exactly, until it is resumed.
    package var isPause: Bool {
        kind == .suspend && expires == nil && scope == ControlScope(queues: scope.queues) && scope.queues.count == 1
    }

    /// Whether the rule is for the node of that id.
    package func isFor(node id: String) -> Bool { scope.node == nil || scope.node == id }
}

extension String {
    /// The text on one line, without control characters, at most 1,000 bytes: what an operator types ends in logs and listings.
    package var flattened: String {
        var line = String(map { $0.isNewline || ($0.asciiValue.map { $0 < 0x20 || $0 == 0x7f } ?? false) ? " " : $0 }.prefix(1000))
        while line.utf8.count > 1000 { line.removeLast() }
        return line
    }
}

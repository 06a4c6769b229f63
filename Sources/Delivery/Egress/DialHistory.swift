import Platform
import SMTP

/// *Value*: the hosts that were tried for one connection, and what each said.
struct DialHistory {
    /// *Value*: one of them.
    struct Trial {
        /// `mx.example.com[192.0.2.1]:25`, or the name alone when it has no address.
        var place: String
        /// The candidate, when there was an address to dial.
        var candidate: DialPlan.Candidate?
        /// Why it was of no use, in words.
        var text: String
        /// The server's refusal, 4xx or 5xx.
        var reply: Reply?
        /// What the refusal answers.
        var command: String?
        /// A connection was made, whatever happened then.
        var isConnected = false
        /// Until when the failure is remembered, when the DNS was not asked.
        var rememberedUntil: MonotonicInstant?
    }

    private var listed: [Trial] = []
    private var unlisted = 0
    /// The trial whose reply stands for all.
    private var decisive: Trial?
    private var isConnected = false
    /// A host was dialled.
    private var hasDialled = false
    /// Something was attempted: a host dialled, or the DNS asked.
    private var hasAttempted = false
    /// When the first of the remembered failures ends.
    private var rememberedUntil = MonotonicInstant.distantFuture

    /// Trials that are told one by one.
    private static let limit = 8
    /// Bytes of what one of them said.
    private static let excerpt = 240

    var isEmpty: Bool { listed.isEmpty }
    /// Whether any host let us in, so that it is no failure to connect.
    var hasConnected: Bool { isConnected }

    mutating func add(_ trial: Trial) {
        isConnected = isConnected || trial.isConnected
        hasDialled = hasDialled || trial.candidate != nil
        if let end = trial.rememberedUntil { rememberedUntil = min(rememberedUntil, end) } else { hasAttempted = true }
        if listed.count < Self.limit { listed.append(trial) } else { unlisted += 1 }
        // A refusal for good tells more than one for now; among equals the host that is preferred.
        if let reply = trial.reply, decisive.map({ ($0.reply?.code ?? 0) / 100 < reply.code / 100 }) ?? true { decisive = trial }
    }

    /// What the messages get. A server's refusal keeps its code and its text, but it is about this node and not about the message, so it
    /// is never for good.
    var failure: DialFailure {
        let last = listed.last { $0.isConnected } ?? listed.last
        // What the DNS says of the hosts' names is true for every message; the next one would only hear it from memory.
        var failure = DialFailure(fate: .transient, isForAll: !isEmpty && !hasDialled, reply: reply)
        if !isEmpty, !hasAttempted { failure.rememberedUntil = rememberedUntil }
        failure.command = decisive?.command ?? last?.command
        failure.candidate = decisive?.candidate ?? last?.candidate
        failure.isConnected = isConnected
        return failure
    }

    private var reply: Reply {
        guard let decisive, var reply = decisive.reply else {
            let text = isConnected ? "no candidate host opened a session" : "failed to connect to any candidate hosts"
            return .local(400, (4, 4, isConnected ? 2 : 1), "\(text): \(listed.isEmpty ? "the route has no host" : list)")
        }
        if listed.count + unlisted > 1 { reply.lines.append("(hosts tried: \(list))") }
        return reply
    }

    private var list: String {
        var parts = listed.map { trial in "\(trial.place): \((trial.reply?.oneLine ?? trial.text).excerpt(Self.excerpt))" }
        if unlisted > 0 { parts.append("and \(unlisted) more") }
        return parts.joined(separator: "; ")
    }
}

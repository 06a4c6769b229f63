import DNS
package import SMTP

extension RouteFailure {
    /// What a failed route means for a message: the fate and the reply that is logged and kept.
    package func outcome(queue: String) -> (fate: AttemptOutcome.Fate, reply: Reply) {
        switch self {
        case .nullMX:
            (.bounced, Reply(code: 556, enhanced: EnhancedStatus(5, 1, 10), lines: ["Recipient address has a null MX"]))
        case .noSuchDomain(let text):
            (.transient, .local(451, (4, 4, 4), "failed to resolve queue \(queue): \(text)"))
        case .temporary(let text):
            (.transient, .local(451, (4, 4, 4), "failed to resolve queue \(queue): \(text)"))
        case .invalidDomain(let text):
            (.bounced, .local(550, (5, 1, 2), "failed to resolve queue \(queue): \(text)"))
        }
    }
}

import Policy
import SMTP
import Telemetry

/// *Value*: what an error of a policy handler means for the client.
struct PolicyVerdict {
    /// What the client is told.
    package let reply: Reply
    let disconnects: Bool

    /// `kumo.reject` and `kumo.disconnect` speak for themselves; anything else is a fault of the policy: one log line, and 451 so that
    /// the client tries again when it is mended.
    package init(_ error: PolicyError) {
        switch error {
        case .rejected(let code, let text):
            reply = Self.reply(code, text)
            disconnects = code == 421
        case .disconnected(let code, let text, _):
            reply = Self.reply(code, text)
            disconnects = true
        default:
            Log.error("policy failed", ["error": "\(error)"])
            reply = Reply(code: 451, enhanced: EnhancedStatus(4, 3, 0), lines: ["technical difficulties. Try later"])
            disconnects = false
        }
    }

    private static func reply(_ code: Int, _ text: String) -> Reply {
        var text = text
        let parsed = text.withUTF8 { EnhancedStatus.parse(prefix: UnsafeRawBufferPointer($0)) }
        guard let parsed else { return Reply(code: code, enhanced: nil, lines: [text]) }
        let rest = text.utf8.dropFirst(parsed.consumed + 1)  // with the space after the code
        return Reply(code: code, enhanced: parsed.status, lines: [String(rest) ?? text])
    }

    var verdict: Verdict { disconnects ? .disconnect(reply) : .reject(reply) }
}

import Message
import NIOCore
import TLS

@testable import SMTP

/// A delegate that decides by the addresses and content it is given, and writes down what it was asked. *Loop-confined.*
///
/// `reject@…` gets 550, `later@…` 451, `bye@…` 421; content starting with `refuse` gets 554.
final class ScriptedDelegate: ServerSessionDelegate {
    /// Verdicts wait for `answer()` instead of coming at once.
    var isDeferred = false
    /// Verdicts never come.
    var isSilent = false
    var refusesConnection: Verdict?
    var refusesPieces: Verdict?
    private(set) var events: [String] = []
    /// Each refusal with the envelope it is about: `550 RCPT TO:<x@y> | sender | recipients`.
    private(set) var rejections: [String] = []
    private(set) var messages: [ReceivedTransaction] = []
    private(set) var contents: [[UInt8]] = []
    private(set) var maxPiece = 0
    private(set) var facts: SessionFacts?
    private var streamed: [UInt8] = []
    private var waiting: [() -> Void] = []

    var isWaiting: Bool { !waiting.isEmpty }

    func answer() {
        let due = waiting
        waiting = []
        for answer in due { answer() }
    }

    private func decide(_ verdict: Verdict, _ reply: @escaping (Verdict) -> Void) {
        if isSilent { return }
        if isDeferred { waiting.append { reply(verdict) } } else { reply(verdict) }
    }

    private func verdict(for address: EnvelopeAddress) -> Verdict {
        switch address.localPart {
        case "reject": .reject(Reply(550, EnhancedStatus(5, 1, 1), "no such user"))
        case "later": .reject(Reply(451, EnhancedStatus(4, 2, 0), "try later"))
        case "bye": .reject(Reply(421, EnhancedStatus(4, 7, 0), "bye"))
        case "drop": .disconnect(Reply(554, EnhancedStatus(5, 7, 1), "dropped"))
        case "custom": .accept(Reply(250, EnhancedStatus(2, 1, 5), "custom"))
        default: .accept(nil)
        }
    }

    func connected(_ session: ServerSession, reply: @escaping (Verdict) -> Void) {
        events.append("connected")
        decide(refusesConnection ?? .accept(nil), reply)
    }

    func hello(_ session: ServerSession, domain: String, extended: Bool, reply: @escaping (Verdict) -> Void) {
        events.append("\(extended ? "ehlo" : "helo") \(domain)")
        decide(domain == "reject" ? .reject(Reply(550, "not you")) : .accept(nil), reply)
    }

    func secured(_ session: ServerSession) {
        facts = session.facts
        events.append("secured \(session.facts.tls?.version ?? "-")")
    }

    func encryptionFailed(_ session: ServerSession, _ failure: TLSFailure) { events.append("encryption failed \(failure.kind)") }

    func mail(
        _ session: ServerSession, sender: EnvelopeAddress, parameters: MailParameters,
        reply: @escaping (Verdict) -> Void
    ) {
        facts = session.facts
        events.append("mail \(sender.text)")
        decide(verdict(for: sender), reply)
    }

    func recipient(_ session: ServerSession, recipient: EnvelopeAddress, reply: @escaping (Verdict) -> Void) {
        events.append("rcpt \(recipient.text)")
        decide(verdict(for: recipient), reply)
    }

    func bodyChunk(_ session: ServerSession, chunk: ByteBuffer, proceed: @escaping (Verdict) -> Void) {
        if streamed.isEmpty { events.append("streaming") }
        streamed += chunk.readableBytesView
        maxPiece = max(maxPiece, chunk.readableBytes)
        decide(refusesPieces ?? .accept(nil), proceed)
    }

    func message(_ session: ServerSession, transaction: ReceivedTransaction, reply: @escaping (Verdict) -> Void) {
        let content = Array(transaction.data.readableBytesView) + streamed
        events.append("message \(content.count)")
        messages.append(transaction)
        contents.append(content)
        streamed = []
        let isRefused = content.starts(with: "refuse".utf8)
        decide(
            isRefused
                ? .reject(Reply(554, EnhancedStatus(5, 7, 1), "refused"))
                : .accept(Reply(250, "OK ids=\(contents.count)")), reply)
    }

    func aborted(_ session: ServerSession) {
        events.append("aborted")
        streamed = []
    }

    func rejected(_ session: ServerSession, command: String, reply: Reply) {
        events.append("rejected [\(command)] \(reply.code)")
        let envelope = session.rejectedEnvelope
        rejections.append(
            "\(reply.code) \(command) | \(envelope.sender?.text ?? "-") | \(envelope.recipients.map(\.text).joined(separator: " "))")
    }

    func closed(_ session: ServerSession) { events.append("closed") }
}

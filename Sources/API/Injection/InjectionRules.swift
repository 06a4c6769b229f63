import Hummingbird
import Intake
import Message
import NIOCore
import Options
import SMTP
import Shaping

/// *Value*: what a listener asks of the messages that are injected through it.
struct InjectionRules: Sendable {
    /// What content may be.
    package var content = ContentRules()
    var maxReceivedHeaders = 100
    var refusesBcc = false

    /// The rules of a listener.
    package init(_ config: HTTPListenerConfig.Content = .defaults) {
        content.lineLengthHardLimit = config.lineLengthHardLimit
        switch config.invalidLineEndings {
        case .deny: content.invalidLineEndings = .deny
        case .allow: content.invalidLineEndings = .allow
        case .fix: content.invalidLineEndings = .fix
        }
        maxReceivedHeaders = config.maxReceivedHeaders
        refusesBcc = config.bcc == .refuse
    }

    /// Raw content as it may go on: by the line rules, not in a loop, and without blind copies, which every recipient would see.
    func raw(_ text: String) throws -> [UInt8] {
        let given: [UInt8]
        switch content.apply(to: Array(text.utf8)) {
        case .success(let bytes): given = bytes
        case .failure(let refusal): throw HTTPError(.badRequest, message: "'content': \(refusal.reply.oneLine)")
        }
        try checkLoop(given)
        guard let shown = HeaderBlock.removing(["bcc", "resent-bcc"], from: given) else { return given }
        if refusesBcc {
            throw HTTPError(
                .badRequest, message: "'content' has a Bcc or Resent-Bcc field, which every recipient would see; leave it out (raw_bcc)")
        }
        return shown
    }

    /// Refuses content that has passed too many servers.
    func checkLoop(_ bytes: [UInt8]) throws {
        let head = bytes.withUnsafeBytes { ContentHead($0) }
        if let loop = ReceivedContent.loop(in: ByteBuffer(bytes: bytes[..<head.length]), limit: maxReceivedHeaders) {
            throw HTTPError(.badRequest, message: "'content': \(loop.oneLine)")
        }
    }
}

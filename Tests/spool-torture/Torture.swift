import Glibc
import Message
import NIOCore
import Spool
import Telemetry

/// Prints what was acknowledged, one line each, in one write: the parent kills this process at a random instant and then
/// asks whether the spool still knows. Lines: `A id` appended, `D id` done and, one commit later, durable.
final class Acknowledger: SpoolMailbox {
    let spool: Spool
    init(spool: Spool) {
        self.spool = spool
    }
    func deliver(_ completions: [SpoolCompletion]) {
        var text = ""
        for completion in completions {
            guard case .success(let handles) = completion.result else { continue }
            text += "A \(completion.ticket)\n"
            for handle in handles {
                if completion.ticket % 3 == 0 {
                    spool.done(handle)
                    text += "D \(completion.ticket)\n"
                } else if completion.ticket % 5 == 0 {
                    spool.update(handle, attempts: 1, due: 7, lastReply: "451 later")
                }
            }
        }
        var bytes = text
        bytes.withUTF8 { _ = write(1, $0.baseAddress!, $0.count) }
    }
}

@main
struct Torture {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let start = UInt64(arguments[2]) else {
            print("usage: spool-torture DIRECTORY FIRST-TICKET")
            exit(2)
        }
        let options = SpoolOptions(
            directory: arguments[1], nodeID: "torture", segmentSize: 256 << 10, maxDelayNanoseconds: 2_000_000, minFreeSpace: 0,
            minFreeInodes: 0, compactionBytesPerSecond: 1 << 30)
        let spool = try Spool(options, metrics: MetricRegistry())
        let mailbox = Acknowledger(spool: spool)
        spool.recover(
            batch: { found in for message in found where message.id.low % 2 == 0 { spool.done(message.handle) } }, finished: { _ in })
        var ticket = start
        while true {
            let id = MessageID(high: 1, low: ticket)
            let envelope = SpoolEnvelope(sender: "a@b", recipients: ["c@d"], queue: "d", created: 1, due: 2)
            let body = ByteBuffer(repeating: UInt8(truncatingIfNeeded: ticket), count: Int(ticket % 4000))
            spool.append(
                [SpoolDraft(id: id, envelope: envelope, headers: ByteBuffer(string: "Subject: x\r\n\r\n"), body: .inline(body))],
                durability: .fsync, ticket: ticket, to: mailbox)
            ticket += 1
            if ticket % 16 == 0 { usleep(200) }
        }
    }
}

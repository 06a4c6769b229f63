import Foundation
import Glibc
import Sink
import Synchronization
import Testing

extension IntegrationTests {
    /// Mail goes through unchanged, each message exactly once.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct DeliveryTests {
        @Test func fiveThousandArriveExactlyOnce() async throws {
            try await Scratch.with("many") { scratch in
                let record = scratch.file("record")
                let sink = try await Sink.local(record: record)
                var policy = Policy(sink: sink.port)
                policy.more = "kumo.configure_local_logs{log_dir='\(scratch.file("logs"))', max_segment_duration='1 hour'}"
                let node = try scratch.node(policy)
                let load = Load("many", size: 4000, domains: (0..<10).map { "d\($0).test" })
                let start = Now.seconds
                load.aim(at: node.smtp)
                load.start(sessions: 20, messagesEach: 250)
                #expect(load.finishes(within: 90))
                let sent = Now.seconds - start
                let isEmpty = try node.becomesEmpty(within: 60)
                #expect(isEmpty)
                print("many: 5,000 accepted in \(Int(sent * 1000)) ms, all delivered after \(Int((Now.seconds - start) * 1000)) ms")
                #expect(try node.metric("total_messages_received{service=\"esmtp_listener\"}") == 5000)
                #expect(try node.metric("total_messages_delivered{service=\"smtp_client\"}") == 5000)
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
                let arrivals = try Arrivals([record])
                #expect(load.acceptedCount == 5000)
                #expect(load.refused.isEmpty)
                #expect(Set(arrivals.times.keys) == load.accepted)
                #expect(arrivals.duplicates == 0)

                let records = try Logs.records(scratch.file("logs"), scratch)
                let received = records.filter { $0["type"] as? String == "Reception" }
                let delivered = records.filter { $0["type"] as? String == "Delivery" }
                #expect(received.count == 5000)
                #expect(delivered.count == 5000)
                #expect(records.count == 10_000)
                #expect(Set(received.compactMap { $0["id"] as? String }) == Set(delivered.compactMap { $0["id"] as? String }))
            }
        }

        @Test func aLargeMessageStreamsThrough() async throws {
            var chance = Chance(seed: announcedSeed("large"))
            let megabyte = 1 << 20
            // Round the sizes at which a body starts to be streamed, and a large one.
            let sizes = [
                megabyte - 1, megabyte, megabyte + 1, megabyte + 2, megabyte + (256 << 10), megabyte + (256 << 10) + 1, 30 * megabyte,
            ]
            let contents = sizes.map { Self.content(size: $0, &chance) }
            try await Scratch.with("large") { scratch in
                let capture = try Capture()
                var policy = Policy(sink: capture.port)
                policy.smtpOptions = "max_message_size=64 << 20"
                policy.pathOptions = "connection_limit=1"
                let node = try scratch.node(policy)
                _ = try Wire.session(port: node.smtp).transaction(id: "warm@t", to: "x@big.test")
                #expect(eventually(within: 10) { capture.count == 1 })
                let watch = MemoryWatch(node.program)
                let wire = try Wire.session(port: node.smtp, timeout: 60)
                for (index, content) in contents.enumerated() {
                    try wire.send("MAIL FROM:<a@b.test> SIZE=\(content.count)\r\nRCPT TO:<x@big.test>\r\nDATA\r\n")
                    for code in [250, 250, 354] { #expect(try wire.reply().code == code) }
                    try wire.send(content + Array(".\r\n".utf8))
                    let reply = try wire.reply()
                    #expect(reply.code == 250, "size \(sizes[index]): \(reply)")
                    let isThere = eventually(within: 60) { capture.count == index + 2 }
                    let queues = isThere ? "" : try node.get("/api/queues").text
                    #expect(isThere, "size \(sizes[index]) does not arrive; \(queues)")
                }
                let growth = watch.growth()
                print("large: 30 MiB through, memory + \(growth >> 20) MiB")
                #expect(growth < 60 * megabyte)
                for (content, arrived) in zip(contents, capture.messages.dropFirst()) {
                    // Only trace headers may stand before what was sent.
                    let head = arrived.count - content.count
                    #expect(head > 0 && head < 2000, "\(content.count) bytes sent, \(arrived.count) arrived")
                    #expect(
                        head > 0 && arrived.suffix(content.count).elementsEqual(content),
                        "the message of \(content.count) bytes was changed")
                    let text = String(decoding: arrived.prefix(max(0, min(head, 2000))), as: UTF8.self)
                    #expect(text.hasPrefix("Received: ") && text.hasSuffix("\r\n"))
                }
                let tooLarge = try wire.say("MAIL FROM:<a@b.test> SIZE=\(65 << 20)")
                #expect(tooLarge.code == 552)
                #expect(node.stop().ending == .exited(0))
            }
        }

        /// A message of exactly `size` bytes as it goes over the wire: random lines, some with dots to stuff.
        private static func content(size: Int, _ chance: inout Chance) -> [UInt8] {
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
            var out = Array("From: <a@b.test>\r\nMessage-ID: <large.\(size)@t>\r\nSubject: large\r\n\r\n".utf8)
            out.reserveCapacity(size)
            let line = chance.bytes(900).map { alphabet[Int($0) % 64] }
            var number = 0
            while size - out.count > 0 {
                let room = size - out.count
                // The last line takes what is left; a remainder too short for a line makes it longer by that much.
                let length = room < 1000 ? room : min(902, room)
                let tail = room - length
                let whole = tail > 0 && tail < 90 ? length - 90 : length
                if number % 50 == 7, whole > 20 {
                    out += Array("..\(number)".utf8)
                    out += line[0..<(whole - 2 - "..\(number)".utf8.count)]
                } else {
                    let mark = Array(String(number).utf8)
                    if whole - 2 > mark.count {
                        out += mark
                        out += line[0..<min(line.count, whole - 2 - mark.count)]
                        if whole - 2 - mark.count > line.count { out += [UInt8](repeating: 65, count: whole - 2 - mark.count - line.count) }
                    } else {
                        out += [UInt8](repeating: 66, count: max(0, whole - 2))
                    }
                }
                out += [13, 10]
                number += 1
            }
            return out
        }
    }
}

/// *Shared*: an SMTP server that keeps what it gets, byte for byte as on the wire, without the final dot.
final class Capture: Sendable {
    private let listener: IdleListener
    private let state = Mutex<[[UInt8]]>([])
    private let isOver = Atomic<Bool>(false)

    init() throws {
        listener = try IdleListener()
        Thread.detachNewThread { [weak self] in
            while let self, !isOver.load(ordering: .relaxed) {
                guard let wire = try? listener.accept(within: 0.2) else { continue }
                try? talk(wire)
            }
        }
    }

    var port: Int { listener.port }
    var count: Int { state.withLock { $0.count } }
    var messages: [[UInt8]] { state.withLock { $0 } }

    private func talk(_ wire: Wire) throws {
        try wire.send("220 capture\r\n")
        while let line = try wire.line() {
            switch line.prefix(4).uppercased() {
            case "EHLO": try wire.send("250-capture\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n")
            case "DATA":
                try wire.send("354 go\r\n")
                let content = try data(wire)
                state.withLock { $0.append(content) }
                try wire.send("250 kept\r\n")
            case "QUIT":
                try wire.send("221 bye\r\n")
                return
            default: try wire.send("250 fine\r\n")
            }
        }
    }

    private func data(_ wire: Wire) throws -> [UInt8] {
        var content: [UInt8] = []
        var searched = 0
        while true {
            content += wire.take()
            if let found = Self.end(of: content, from: searched) {
                wire.giveBack(Array(content[(found + 5)...]))
                content.removeSubrange((found + 2)...)
                return content
            }
            searched = max(0, content.count - 4)
            guard try wire.fill() else { throw Failure("the connection was closed in DATA") }
        }
    }

    /// Where CRLF.CRLF begins.
    private static func end(of content: [UInt8], from start: Int) -> Int? {
        content.withUnsafeBytes { bytes in
            var at = start
            while at + 5 <= bytes.count, let base = bytes.baseAddress, let hit = memchr(base + at, 13, bytes.count - at - 4) {
                at = UnsafeRawPointer(hit) - base
                if bytes[at + 1] == 10, bytes[at + 2] == 46, bytes[at + 3] == 13, bytes[at + 4] == 10 { return at }
                at += 1
            }
            return nil
        }
    }

    deinit { isOver.store(true, ordering: .relaxed) }
}

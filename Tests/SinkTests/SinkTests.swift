import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import Sink

/// The sink over loopback, spoken to by hand.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SinkTests {
    /// Says all of `input` at once (or byte by byte) and collects the answers until the sink closes.
    static func talk(_ input: String, to sink: Sink, piece: Int = .max) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: sink.address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var rest = ByteBuffer(string: input)
            // The sink may close before all is said.
            while let part = rest.readSlice(length: min(piece, rest.readableBytes)), part.readableBytes > 0 {
                guard (try? await outbound.write(part)) != nil else { break }
            }
            var answer = ""
            do {
                for try await part in inbound { answer += String(buffer: part) }
            } catch is IOError {
                // A reset instead of an end: the sink had unread input when it closed.
            }
            return answer
        }
    }

    static func with<R>(
        _ adjust: (inout SinkConfiguration) -> Void = { _ in }, _ body: (Sink) async throws -> R
    ) async throws -> R {
        var configuration = SinkConfiguration(listen: "127.0.0.1:0")
        adjust(&configuration)
        let sink = try await Sink.start(configuration, group: MultiThreadedEventLoopGroup.singleton)
        do {
            let result = try await body(sink)
            await sink.stop()
            return result
        } catch {
            await sink.stop()
            throw error
        }
    }

    static func codes(_ answer: String) -> [String] {
        answer.split(separator: "\r\n").filter { $0.dropFirst(3).first != "-" }.map { String($0.prefix(3)) }
    }

    static let message = "MAIL FROM:<a@a>\r\nRCPT TO:<b@b.test>\r\nDATA\r\nMessage-ID: <1@x>\r\n\r\nhi\r\n.\r\n"

    @Test(arguments: [Int.max, 1, 3]) func accepts(_ piece: Int) async throws {
        let (answer, counters) = try await Self.with { sink in
            let answer = try await Self.talk("EHLO me\r\n" + Self.message + Self.message + "QUIT\r\n", to: sink, piece: piece)
            return (answer, sink.counters)
        }
        #expect(Self.codes(answer) == ["220", "250", "250", "250", "354", "250", "250", "250", "354", "250", "221"])
        #expect(counters.messages == 2)
        #expect(counters.recipients == 2)
        #expect(counters.bytes == 2 * 25)
        #expect(counters.connections == 1)
        #expect(answer.contains("250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 104857600\r\n250 ENHANCEDSTATUSCODES\r\n"))
    }

    @Test(arguments: [
        ("DATA\r\nQUIT\r\n", ["220", "503", "221"]), ("RCPT TO:<a@b>\r\nQUIT\r\n", ["220", "503", "221"]),
        ("MAIL FROM:<>\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\nquit\r\n", ["220", "250", "503", "250", "250", "221"]),
        ("X\r\nNOOP\r\nVRFY x\r\nQUIT\r\n", ["220", "500", "250", "500", "221"]), ("NOOP\nNOOP\r\nQUIT\r\n", ["220", "500", "250", "221"]),
        ("BDAT 3 LAST\r\nQUIT\r\n", ["220", "502", "221"]), ("HELO x\r\nQUIT\r\n", ["220", "250", "221"]),
        (String(repeating: "x", count: 5000) + "\r\n", ["220", "500"]),
    ])
    func commands(_ input: String, _ expected: [String]) async throws {
        let answer = try await Self.with { try await Self.talk(input, to: $0) }
        #expect(Self.codes(answer) == expected)
    }

    @Test(arguments: [Int.max, 1]) func chunks(_ piece: Int) async throws {
        let input =
            "EHLO me\r\nBDAT 5 LAST\r\nQUIT\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nBDAT 2\r\nabBDAT 0\r\nBDAT 3 LAST\r\n.\r\nBDAT x\r\nNOOP\r\n"
        let (answer, counters) = try await Self.with({ $0.extensions.insert(.chunking) }) { sink in
            (try await Self.talk(input, to: sink, piece: piece), sink.counters)
        }
        #expect(Self.codes(answer) == ["220", "250", "503", "250", "250", "250", "250", "250", "501"])
        #expect(counters.bytes == 5)
        #expect(counters.messages == 1)
    }

    @Test func rules() async throws {
        let texts = [
            "mail=450 4.1.1 every third@every:3", "rcpt:gone.test=550 5.1.1 gone", "dot:slow.test=delay=150ms", "dot=250 2.0.0 as 77",
            "data=disconnect@every:3",
        ]
        let configured = try texts.map { try SinkRule(parsing: $0) }
        func message(_ domain: String) -> String { Self.message.replacing("b.test", with: domain) }
        let (answer, elapsed, counters) = try await Self.with({ $0.rules = configured }) { sink in
            let start = ContinuousClock.now
            let input =
                "MAIL FROM:<>\r\nRCPT TO:<a@gone.test>\r\nRCPT TO:<a@slow.test>\r\nDATA\r\n.\r\n"
                + Self.message + "MAIL FROM:<>\r\n" + Self.message
            return (try await Self.talk(input, to: sink), ContinuousClock.now - start, sink.counters)
        }
        // The third MAIL is refused, so the fourth is the first of the next three; the third DATA ends it all.
        #expect(
            Self.codes(answer) == [
                "220", "250", "550", "250", "354", "250", "250", "250", "354", "250", "450", "250", "250",
            ])
        #expect(answer.contains("550 5.1.1 gone\r\n"))
        #expect(answer.contains("450 4.1.1 every third\r\n"))
        #expect(answer.contains("250 2.0.0 as 77\r\n"))
        #expect(elapsed >= .milliseconds(150))
        #expect(counters.refusals == 2)
        #expect(counters.messages == 2)
    }

    @Test(arguments: [("connect=421 4.3.2 no", ["421"]), ("connect=disconnect", []), ("ehlo=421 no", ["220", "421"])])
    func ends(_ rule: String, _ expected: [String]) async throws {
        let parsed = try SinkRule(parsing: rule)
        let answer = try await Self.with({ $0.rules = [parsed] }) { try await Self.talk("EHLO me\r\n", to: $0) }
        #expect(Self.codes(answer) == expected)
    }

    @Test func limits() async throws {
        let answer = try await Self.with({
            $0.maxMessageSize = 10
            $0.maxRecipients = 1
        }) {
            try await Self.talk("MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n0123456789\r\n.\r\nQUIT\r\n", to: $0)
        }
        #expect(Self.codes(answer) == ["220", "250", "250", "452", "354", "552", "221"])
    }

    @Test func records() async throws {
        let path = "sink-record-\(UInt64.random(in: .min ... .max))"
        defer { unlink(path) }
        try await Self.with({ $0.recordFile = path }) { sink in
            _ = try await Self.talk(
                "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c\t@d>\r\nDATA\r\nX: y\r\nmessage-id: <1@x>\r\n\r\n.\r\nQUIT\r\n", to: sink)
            _ = try await Self.talk(Self.message + "QUIT\r\n", to: sink)
        }
        let lines = Self.read(path).split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
        #expect(lines.count == 2)
        #expect(lines.map { $0.dropFirst().map(String.init) } == [["1", "a@b,c?@d", "<1@x>"], ["2", "b@b.test", "<1@x>"]])
        #expect(lines.compactMap { UInt64($0[0]) }.count == 2)
    }

    @Test func recordsDetails() async throws {
        let path = "sink-record-\(UInt64.random(in: .min ... .max))"
        let connections = path + "-connections"
        defer {
            unlink(path)
            unlink(connections)
        }
        try await Self.with({
            $0.recordFile = path
            $0.recordsDetails = true
            $0.connectionRecordFile = connections
        }) { sink in
            _ = try await Self.talk("EHLO node-1.test extra\r\n" + Self.message + Self.message + "QUIT\r\n", to: sink, piece: 7)
            _ = try await Self.talk("HELO\tnode 2\r\nhelo n\u{1}2\r\n" + Self.message + "QUIT\r\n", to: sink)
            _ = try await Self.talk("QUIT\r\n", to: sink)
        }
        func fields(_ path: String) -> [[String]] {
            Self.read(path).split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
        }
        let messages = fields(path)
        #expect(
            messages.map { Array($0[1...4]) } == [
                ["1", "b@b.test", "<1@x>", "node-1.test"], ["1", "b@b.test", "<1@x>", "node-1.test"], ["2", "b@b.test", "<1@x>", "n?2"],
            ])
        let accepted = messages.compactMap { UInt64($0[0]) }
        let mail = messages.compactMap { UInt64($0[5]) }
        #expect(mail.count == 3)
        #expect(zip(mail, accepted).allSatisfy { $0 <= $1 })
        #expect(mail[1] >= accepted[0])  // the second MAIL came after the first message was accepted
        let opened = fields(connections)
        #expect(
            opened.map { Array($0[1...]) }.sorted { ($0[3], $0[1]) < ($1[3], $1[1]) } == [
                ["connections", "+1", "-", "1"], ["connections", "-1", "node-1.test", "1"],
                ["connections", "+1", "-", "2"], ["connections", "-1", "n?2", "2"],
                ["connections", "+1", "-", "3"], ["connections", "-1", "-", "3"],
            ])
        #expect(opened.compactMap { UInt64($0[0]) }.count == 6)
    }

    @Test func recordThatCannotBeOpened() async throws {
        await #expect(throws: SinkError.self) { try await Self.with({ $0.recordFile = "/dev/null/x" }) { _ in } }
    }

    static func read(_ path: String) -> String {
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

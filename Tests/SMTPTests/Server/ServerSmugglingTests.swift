import NIOCore
import Testing

@testable import SMTP

/// Only CRLF.CRLF may end DATA, whatever a lenient server elsewhere takes for it.
@Suite struct ServerSmugglingTests {
    /// Everything that has been taken for an end of data somewhere.
    static let falseEnds: [String] = {
        let breaks = ["\n", "\r", "\r\n", "\r\r\n", "\n\r", "\n\n", "\r\n\r", "\u{0}\r\n", "\u{0}"]
        var ends: [String] = []
        for before in breaks {
            for after in breaks {
                let end = before + "." + after
                guard
                    !(before.unicodeScalars.suffix(2).elementsEqual("\r\n".unicodeScalars)
                        && after.unicodeScalars.starts(with: "\r\n".unicodeScalars))
                else { continue }
                ends.append(end)
            }
        }
        return ends
    }()

    static let smuggled = "MAIL FROM:<evil@a>\r\nRCPT TO:<b@b>\r\nDATA\r\nevil\r\n"

    @Test(arguments: falseEnds, [ServerConfiguration.LineEndings.deny, .allow, .fix])
    func onlyCRLFDotCRLFEndsData(end: String, endings: ServerConfiguration.LineEndings) throws {
        var configuration = ServerConfiguration.test
        configuration.invalidLineEndings = endings
        let bytes = Array(("HELO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\nx" + end + Self.smuggled + ".\r\nNOOP\r\n").utf8)
        var outcomes: [String] = []
        var contents: [[[UInt8]]] = []
        for longest in [Int.max, 1, 2, 3, 7] {
            let harness = try ServerHarness(configuration)
            try harness.feed(bytes) { longest }
            #expect(!harness.delegate.events.contains("mail evil@a"), "\(end.debugDescription)")
            #expect(harness.delegate.events.filter { $0.hasPrefix("mail") }.count == 1)
            #expect(harness.replies.hasSuffix("250 the goggles do nothing\r\n"))
            outcomes.append(harness.replies)
            contents.append(harness.delegate.contents)
            harness.finish()
        }
        #expect(outcomes.allSatisfy { $0 == outcomes[0] })
        #expect(contents.allSatisfy { $0 == contents[0] })
        if endings == .deny {
            #expect(outcomes[0].contains("552 5.6.0 message data must use CRLF for line endings\r\n") == Self.hasLone(end))
        } else {
            #expect(contents[0].count == 1)
            if endings == .fix { #expect(!Self.hasLone(String(decoding: contents[0][0], as: UTF8.self))) }
        }
    }

    /// True when a CR or LF stands alone.
    static func hasLone(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        for (index, byte) in bytes.enumerated() {
            if byte == 13, index + 1 == bytes.count || bytes[index + 1] != 10 { return true }
            if byte == 10, index == 0 || bytes[index - 1] != 13 { return true }
        }
        return false
    }

    static let treatments: [(ServerConfiguration.LineEndings, String, String)] = [
        (.allow, "a\nb\rc\r\r\n", "a\nb\rc\r\r\n"),
        (.fix, "a\nb\rc\r\r\n", "a\r\nb\r\nc\r\n\r\n"),
        (.fix, "a\n\rb\r\n", "a\r\n\r\nb\r\n"),
        (.fix, "a\n.\nb\r\n", "a\r\n.\r\nb\r\n"),
        (.allow, "a\r\n.\rb\r\n", "a\r\n\rb\r\n"),
        (.fix, "a\r\n.\rb\r\n", "a\r\n\r\nb\r\n"),
    ]

    @Test(arguments: treatments)
    func loneBreaks(endings: ServerConfiguration.LineEndings, sent: String, kept: String) throws {
        var configuration = ServerConfiguration.test
        configuration.invalidLineEndings = endings
        for longest in [Int.max, 1, 2, 3] {
            let harness = try ServerHarness(configuration)
            try harness.feed(Array(("HELO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n" + sent + ".\r\n").utf8)) { longest }
            #expect(harness.delegate.contents == [Array(kept.utf8)])
            harness.finish()
        }
    }
}

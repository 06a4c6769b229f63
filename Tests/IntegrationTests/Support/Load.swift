import Foundation
import Glibc
import Synchronization

/// *Shared*: several SMTP sessions that send as fast as they are answered, pipelined, and remember what was accepted.
///
/// A session that loses its connection connects again, wherever the node is by then.
final class Load: Sendable {
    private struct State: Sendable {
        var accepted: Set<String> = []
        var refused: [Int: Int] = [:]
    }

    private let state = Mutex(State())
    private let port = Atomic<Int>(0)
    private let isStopping = Atomic<Bool>(false)
    private let running = Atomic<Int>(0)
    private let domains: [String]
    private let filler: String
    private let name: String

    /// - Parameters:
    ///   - size: bytes of each body, about.
    ///   - domains: recipients' domains, in turn.
    init(_ name: String, size: Int, domains: [String]) {
        self.name = name
        self.domains = domains
        let line = "..the quick brown fox jumps over the lazy dog, and the dog does not mind at all\r\n"
        filler = String(repeating: line, count: max(1, size / line.utf8.count))
    }

    var accepted: Set<String> { state.withLock { $0.accepted } }
    var acceptedCount: Int { state.withLock { $0.accepted.count } }
    /// Negative replies by code.
    var refused: [Int: Int] { state.withLock { $0.refused } }
    var isRunning: Bool { running.load(ordering: .acquiring) > 0 }

    /// Where the node listens now; 0 when it is down.
    func aim(at port: Int) { self.port.store(port, ordering: .releasing) }

    /// Starts sessions.
    func start(sessions: Int, messagesEach: Int = .max, first: Int = 0) {
        for session in first..<(first + sessions) {
            running.wrappingAdd(1, ordering: .acquiringAndReleasing)
            Thread.detachNewThread { [self] in
                var next = 0
                while !isStopping.load(ordering: .acquiring), next < messagesEach {
                    let target = port.load(ordering: .acquiring)
                    if target == 0 || (try? talk(session, target, &next, messagesEach)) == nil { Now.sleep(0.005) }
                }
                running.wrappingSubtract(1, ordering: .acquiringAndReleasing)
            }
        }
    }

    /// Ends the sessions after the message they are at; `false` when one does not end.
    func stop(within seconds: Double = 30) -> Bool {
        isStopping.store(true, ordering: .releasing)
        return eventually(within: seconds, every: 0.005) { !isRunning }
    }

    /// Waits until every session has sent its messages.
    func finishes(within seconds: Double) -> Bool { eventually(within: seconds, every: 0.01) { !isRunning } }

    private func envelope(_ session: Int, _ index: Int) -> String {
        "MAIL FROM:<s\(session)@load.test>\r\nRCPT TO:<r\(index)@\(domains[(session + index) % domains.count])>\r\nDATA\r\n"
    }

    private func talk(_ session: Int, _ target: Int, _ next: inout Int, _ limit: Int) throws {
        let wire = try Wire.session(port: target)
        try wire.send(envelope(session, next))
        while true {
            let replies = [try wire.reply(), try wire.reply(), try wire.reply()]
            guard replies[2].code == 354 else {
                let decisive = replies.first { $0.code >= 400 } ?? replies[2]
                note(decisive.code)
                if isStopping.load(ordering: .acquiring) || decisive.code == 421 { return }
                Now.sleep(0.01)
                try wire.send("RSET\r\n")
                _ = try wire.reply()
                try wire.send(envelope(session, next))
                continue
            }
            let index = next
            let id = "\(name).\(session).\(index)@load.test"
            next += 1
            let isLast = next >= limit || isStopping.load(ordering: .acquiring)
            try wire.send(
                "From: <s\(session)@load.test>\r\nTo: <r\(index)@load.test>\r\nSubject: \(index)\r\nMessage-ID: <\(id)>\r\n\r\n\(filler).\r\n"
                    + (isLast ? "QUIT\r\n" : envelope(session, next)))
            let answer = try wire.reply()
            if answer.code == 250 { state.withLock { _ = $0.accepted.insert(id) } } else { note(answer.code) }
            if isLast { return }
        }
    }

    private func note(_ code: Int) { state.withLock { $0.refused[code, default: 0] += 1 } }
}

import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node
@testable import Resources

/// One budget for everything that clients make a node hold.
@Suite(.timeLimit(.minutes(8))) struct MemoryBudgetTests {
    @Test func levels() {
        let budget = ResidentBudget(limit: 1000)
        #expect(budget.hasRoom && !budget.isTight && !budget.isExhausted)
        budget.change(.smtp, by: 200)
        #expect(!budget.isTight)
        budget.change(.http, by: 50)
        #expect(budget.isTight && budget.hasRoom, "a quarter for what arrives")
        budget.change(.http, by: -50)
        budget.add(800)
        #expect(budget.isTight && !budget.hasRoom && budget.bytes == 800 && budget.total == 1000)
        budget.add(500)
        #expect(!budget.isExhausted && budget.hasRoom(for: 0) && !budget.hasRoom(for: 1))
        budget.change(.smtp, by: 1)
        #expect(budget.isExhausted)
        budget.remove(1300)
        budget.change(.smtp, by: -201)
        #expect(budget.total == 0 && !budget.isTight)
    }

    static func line(_ index: Int) -> String { "\(index) " + String(repeating: "z", count: 60) + "\r\n" }
    static let content = "Message-ID: <big>\r\nSubject: x\r\n\r\n" + (0..<4000).map { line($0) }.joined()

    private static func begin(_ rig: Rig) throws -> RawClient {
        let client = try rig.client()
        for command in ["MAIL FROM:<a@sender.test>", "RCPT TO:<u@example.com>", "DATA"] { try client.say(command) }
        return client
    }

    /// Sixty unfinished messages of 250 kB with a budget of 4 MiB.
    @Test func unfinishedContentStaysWithinTheBudget() async throws {
        var plan = RigPlan()
        plan.resident = 4 << 20
        try await Rig.run(plan) { rig in
            let budget = rig.node.services.resident
            var clients: [RawClient] = []
            var peak = 0
            let half = Self.content.index(Self.content.startIndex, offsetBy: Self.content.count / 2)
            for _ in 0..<60 { clients.append(try Self.begin(rig)) }
            for client in clients {
                try client.write(String(Self.content[..<half]))
                peak = max(peak, budget.total)
            }
            // How much of it stays depends on when it came: what comes while memory is tight goes to disk.
            try await expectEventually("it arrives") { budget.bytes(.smtp) > 0 }
            for client in clients {
                try client.write(String(Self.content[half...]))
                peak = max(peak, budget.total)
            }
            #expect(peak < 7 << 20, "\(peak)")
            #expect(rig.metric("memory_budget_bytes{use=\"smtp\"}") > 0)
            // Some end well, some vanish, some are reset.
            var accepted = 0
            for client in clients[..<20] { if try client.say(".").hasPrefix("250") { accepted += 1 } }
            #expect(accepted == 20, "what fits on the disk is taken")
            clients.removeAll()
            try await expectEventually("all is given back") { budget.bytes(.smtp) == 0 }
            try await expectEventually("all are delivered", within: .seconds(30)) { rig.counters.messages == 20 }
            let received = await rig.received()
            #expect(received.allSatisfy { $0.id == "<big>" || $0.id == "big" })
            // Not a byte is lost or added between the pieces: the trace headers of all are of one size.
            let sizes = rig.counters.bytes / 20
            #expect(sizes > Self.content.utf8.count && sizes < Self.content.utf8.count + 1000, "\(sizes)")
            try await expectEventually("nothing stays") { budget.total == 0 }
        }
    }

    @Test func whenMemoryIsGoneMailIsRefusedForNow() async throws {
        try await Rig.run(RigPlan()) { rig in
            let budget = rig.node.services.resident
            let client = try Self.begin(rig)
            try client.write(String(Self.content.prefix(100_000)))
            try await expectEventually("it arrives") { budget.bytes(.smtp) > 100_000 }
            let other = try rig.client()
            try other.say("MAIL FROM:<a@sender.test>")
            budget.add(budget.limit * 2)
            #expect(try other.say("RCPT TO:<u@example.com>").hasPrefix("452 4.3.1"))
            #expect(try rig.client().say("MAIL FROM:<a@sender.test>").hasPrefix("452 4.3.1"))
            try client.write(String(Self.content.dropFirst(100_000)))
            #expect(try client.say(".").hasPrefix("452 4.3.1"))
            budget.remove(budget.limit * 2)
            #expect(try client.deliver(to: ["u@example.com"]).hasPrefix("250"))
            #expect(try other.say("RCPT TO:<u@example.com>").hasPrefix("250"))
        }
    }

    @Test func idleSessionsCostLittle() async throws {
        try await Rig.run(RigPlan()) { rig in
            let budget = rig.node.services.resident
            var clients: [RawClient] = []
            for _ in 0..<50 { clients.append(try rig.client()) }
            #expect(budget.bytes(.smtp) <= 50 * 8192)
            for client in clients { try client.say("QUIT") }
            try await expectEventually("given back") { budget.bytes(.smtp) == 0 }
        }
    }
}

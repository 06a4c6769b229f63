import Foundation
import Glibc
import Sink
import Synchronization
import Testing

extension IntegrationTests {
    /// Every signal an operator, a terminal or an orchestrator may send; what was acknowledged is there after it.
    ///
    /// An end by a signal is a failure in any of these: a node ends by itself or goes on.
    @Suite(.serialized, .timeLimit(.minutes(20))) struct SignalTests {
        /// *Value*: what clients do to the HTTP listener while the node stops.
        enum Client: String, CaseIterable, Sendable {
            case connectsAndCloses, connectsAndIsSilent, sendsHalfAHead, sendsHalfABody, keepsAlive, injects
        }

        /// *Shared*: when the clients are to end, and how much was acknowledged to them.
        final class Tally: Sendable {
            let isOver = Atomic<Bool>(false)
            let accepted = Atomic<Int>(0)
        }

        /// Nothing moves: the first attempt of a day fails, the others wait, in memory only.
        private static var heldMail: Policy {
            var policy = Policy(sink: 1)
            policy.smtpOptions = "deferred_spool=true"
            policy.queueOptions = "retry_interval='1h', max_message_rate='1/d'"
            return policy
        }

        private static func send(_ count: Int, to node: RunningNode, _ id: String) throws {
            let wire = try Wire.session(port: node.smtp)
            for index in 0..<count {
                let reply = try wire.transaction(id: "\(id)-\(index)@t", to: "x@one.test")
                guard reply.code == 250 else { throw Failure("not accepted: \(reply)") }
            }
        }

        /// Whether a node started on the same spool has all of it.
        private static func holds(_ count: Int, _ scratch: Scratch) throws -> Bool {
            let node = try scratch.node(heldMail)
            defer { _ = node.stop() }
            return try eventually(within: 20) { try node.metric("message_count") ?? 0 >= Double(count) }
        }

        /// Does what the client does, over and over, until told to stop; answers how many messages were acknowledged.
        private static func hammer(_ client: Client, _ port: Int, _ tally: Tally) {
            var open: [Wire] = []
            let body =
                #"{"envelope_sender":"a@b.test","deferred_spool":true,"recipients":[{"email":"h@one.test"}],"content":"Subject: x\r\n\r\nhi\r\n"}"#
            while !tally.isOver.load(ordering: .relaxed) {
                do {
                    switch client {
                    case .connectsAndCloses: try Wire(port: port).close()
                    case .connectsAndIsSilent: open.append(try Wire(port: port))
                    case .sendsHalfAHead:
                        open.append(try Wire(port: port))
                        try open.last?.send("POST /api/inject/v1 HTTP/1.1\r\nHost: 127")
                    case .sendsHalfABody:
                        open.append(try Wire(port: port))
                        try open.last?.send("POST /api/inject/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{\"env")
                    case .keepsAlive:
                        open.append(try Wire(port: port))
                        try open.last?.send("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                    case .injects:
                        let reply = try HTTPReply.fetch(port: port, "POST", "/api/inject/v1", body: Array(body.utf8), timeout: 5)
                        if reply.status == 200 { tally.accepted.wrappingAdd(1, ordering: .relaxed) }
                    }
                } catch { Now.sleep(0.001) }
                if open.count > 64 { open.removeFirst() }
            }
        }

        @Test(arguments: Client.allCases) func stopsWhileHTTPClientsConnect(_ client: Client) async throws {
            try await Scratch.with("connect") { scratch in
                var accepted = 0
                for round in 0..<4 {
                    let node = try scratch.node(Self.heldMail)
                    try Self.send(20, to: node, "r\(round)")
                    let tally = Tally()
                    let group = DispatchGroup()
                    for _ in 0..<3 {
                        DispatchQueue.global().async(group: group) { Self.hammer(client, node.http, tally) }
                    }
                    Now.sleep(0.05 + 0.03 * Double(round))
                    let (ending, seconds) = node.stop(within: 20)
                    tally.isOver.store(true, ordering: .relaxed)
                    group.wait()
                    accepted += 20 + tally.accepted.load(ordering: .relaxed)
                    #expect(ending == .exited(0), "\(client): \(node.program.errors.suffix(500))")
                    #expect(seconds < 10)
                }
                let isThere = try Self.holds(accepted, scratch)
                #expect(isThere, "acknowledged mail is missing")
            }
        }

        @Test(arguments: [SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU]) func stopsInOrder(_ signal: Int32) async throws {
            try await Scratch.with("stop") { scratch in
                let node = try scratch.node(Self.heldMail)
                try Self.send(50, to: node, "stop")
                node.program.signal(signal)
                #expect(node.program.wait(15) == .exited(0))
                let isThere = try Self.holds(50, scratch)
                #expect(isThere)
            }
        }

        @Test func otherSignalsAreHarmless() async throws {
            try await Scratch.with("harmless") { scratch in
                let node = try scratch.node(Self.heldMail)
                try Self.send(20, to: node, "harmless")
                var signals = [
                    SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGWINCH, SIGSTKFLT, SIGXFSZ, SIGCHLD, SIGURG,
                    SIGCONT,
                ]
                signals += [34, 40, 64]  // real-time signals
                for signal in signals {
                    node.program.signal(signal)
                    Now.sleep(0.02)
                    #expect(node.program.ending == nil, "signal \(signal) ended the node")
                }
                #expect(try node.metric("message_count") == 20)
                #expect(node.stop().ending == .exited(0))
                let isThere = try Self.holds(20, scratch)
                #expect(isThere)
            }
        }

        @Test func aSecondSignalDoesNotWaitForASession() async throws {
            try await Scratch.with("twice") { scratch in
                let node = try scratch.node(Self.heldMail)
                try Self.send(20, to: node, "twice")
                let wire = try Wire.session(port: node.smtp)
                try wire.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<x@one.test>\r\nDATA\r\n")
                for _ in 0..<3 { _ = try wire.reply() }
                try wire.send("Subject: never ends\r\n")
                let half = try Wire(port: node.http)
                try half.send("POST /api/inject/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{")
                let start = Now.seconds
                node.program.signal(SIGTERM)
                Now.sleep(0.3)
                #expect(node.program.ending == nil, "a message that is being sent is waited for")
                node.program.signal(SIGTERM)
                node.program.signal(SIGINT)
                #expect(node.program.wait(15) == .exited(0))
                #expect(Now.seconds - start < 5)
                let isThere = try Self.holds(20, scratch)
                #expect(isThere)
            }
        }

        @Test func aMessageInDATAFinishes() async throws {
            try await Scratch.with("data") { scratch in
                let node = try scratch.node(Self.heldMail)
                let wire = try Wire.session(port: node.smtp)
                try wire.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<x@one.test>\r\nDATA\r\n")
                for _ in 0..<3 { _ = try wire.reply() }
                try wire.send("Subject: in flight\r\n\r\n")
                node.program.signal(SIGTERM)
                Now.sleep(0.3)
                try wire.send("text\r\n.\r\n")
                #expect(try wire.reply().code == 250)
                #expect(node.program.wait(15) == .exited(0))
                let isThere = try Self.holds(1, scratch)
                #expect(isThere, "what is accepted during the stop is durable too")
            }
        }

        @Test func stopsDuringTheStart() async throws {
            try await Scratch.with("early") { scratch in
                let first = try scratch.node(Self.heldMail)
                try Self.send(100, to: first, "early")
                #expect(first.stop().ending == .exited(0))
                let policy = try scratch.write("policy.lua", Self.heldMail.text)
                for step in 0..<12 {
                    let program = try scratch.apus(["serve", "--policy", policy, "--spool", scratch.file("spool")])
                    // From the moment the command runs; a signal before that meets no program of ours.
                    _ = eventually(within: 10, every: 0.0005) { Self.handles(SIGTERM, program) }
                    Now.sleep(Double(step) * 0.01)
                    program.signal(step % 2 == 0 ? SIGTERM : SIGHUP)
                    if step % 2 == 1 {
                        Now.sleep(0.05)
                        program.signal(SIGINT)
                    }
                    #expect(program.wait(20) == .exited(0), "step \(step): \(program.errors.suffix(300))")
                }
                let isThere = try Self.holds(100, scratch)
                #expect(isThere)
            }
        }

        /// Whether the process has a handler for the signal.
        private static func handles(_ signal: Int32, _ program: Program) -> Bool {
            guard let text = try? String(contentsOfFile: "/proc/\(program.pid)/status", encoding: .utf8) else { return false }
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("SigCgt:") }),
                let mask = line.split(separator: "\t").last.flatMap({ UInt64($0, radix: 16) })
            else { return false }
            return mask & (1 << UInt64(signal - 1)) != 0
        }

        @Test func stopsWhileThePolicyRuns() async throws {
            try await Scratch.with("policy") { scratch in
                var policy = Self.heldMail
                policy.more =
                    "kumo.on('smtp_server_message_received', function(msg) if msg:sender().user == 'slow' then kumo.sleep(60) end end)"
                let node = try scratch.node(policy)
                try Self.send(10, to: node, "fast")
                let wire = try Wire.session(port: node.smtp)
                try wire.send("MAIL FROM:<slow@b.test>\r\nRCPT TO:<x@one.test>\r\nDATA\r\n")
                for _ in 0..<3 { _ = try wire.reply() }
                try wire.send("Subject: x\r\n\r\n.\r\n")
                Now.sleep(0.1)
                let (ending, seconds) = node.stop(within: 20)
                #expect(ending == .exited(0))
                #expect(seconds < 12)
                let isThere = try Self.holds(10, scratch)
                #expect(isThere)
            }
        }

        @Test func aNodeUnderNohupReloadsAndStops() async throws {
            try await Scratch.with("nohup") { scratch in
                let policy = try scratch.write("policy.lua", Self.heldMail.text)
                let program = try scratch.run(
                    "/usr/bin/nohup", [Scratch.binary, "serve", "--policy", policy, "--spool", scratch.file("spool")])
                #expect(program.line(after: "initialization complete", within: 20) != nil)
                program.signal(SIGHUP)
                #expect(eventually(within: 10) { program.errors.contains("policy reloaded") })
                program.signal(SIGINT)
                #expect(program.wait(15) == .exited(0))
            }
        }
    }
}

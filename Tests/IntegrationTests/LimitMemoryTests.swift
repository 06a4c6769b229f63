import Foundation
import Glibc
import Sink
import Testing

extension IntegrationTests {
    /// Limits of a node without Redis, over kills and restarts of the real process.
    @Suite(.serialized, .timeLimit(.minutes(12))) struct LimitMemoryTests {
        /// *Value*: where the limit is written, and how many messages may leave.
        enum Kind: String, CaseIterable, Sendable {
            case messageRate, queueRate, additionalThrottle, connectionRate, localRate, luaThrottle
        }

        private static func policy(_ kind: Kind, _ limit: String, sink: Int) -> Policy {
            var policy = Policy(sink: sink)
            policy.queueOptions = "retry_interval='1s', max_retry_interval='1s'"
            policy.pathOptions = "connection_limit=1"
            switch kind {
            case .messageRate: policy.pathOptions += ", max_message_rate='\(limit)'"
            case .localRate: policy.pathOptions += ", max_message_rate='local:\(limit)'"
            case .queueRate: policy.queueOptions += ", max_message_rate='\(limit)'"
            case .additionalThrottle: policy.pathOptions += ", additional_message_rate_throttles={daily='\(limit)'}"
            case .connectionRate: policy.pathOptions += ", max_deliveries_per_connection=1, max_connection_rate='\(limit)'"
            case .luaThrottle:
                policy.more = """
                    local t = kumo.make_throttle('mine', '\(limit)')
                    kumo.on('smtp_server_mail_from', function() if t:throttle().throttled then kumo.reject(451, '4.7.1 later') end end)
                    """
            }
            return policy
        }

        @Test(arguments: Kind.allCases, [SIGKILL, SIGTERM]) func fiveADayStayFive(_ kind: Kind, _ signal: Int32) async throws {
            try await Scratch.with("five") { scratch in
                let record = scratch.file("record")
                let sink = try await Sink.local(record: record)
                var accepted = 0
                for round in 0..<3 {
                    let node = try scratch.node(Self.policy(kind, "5/d", sink: sink.port))
                    let wire = try Wire.session(port: node.smtp)
                    for index in 0..<(round == 0 ? 3 : 6) {
                        let reply = try wire.transaction(id: "\(round)-\(index)@t", to: "x@one.test")
                        if reply.code == 250 { accepted += 1 }
                        if reply.code == 451 {
                            try wire.send("RSET\r\n")
                            _ = try wire.reply()
                        }
                    }
                    let expected = min(round == 0 ? 3 : 5, accepted)
                    #expect(eventually(within: 10) { sink.counters.messages >= expected }, "\(kind) round \(round)")
                    Now.sleep(0.3)
                    node.program.signal(signal)
                    #expect(node.program.wait(15) == (signal == SIGKILL ? .killed(Int(SIGKILL)) : .exited(0)))
                }
                await sink.stop()
                #expect(sink.counters.messages <= 5, "\(kind): \(sink.counters.messages) of 5 a day left")
                #expect(sink.counters.messages >= 3)
            }
        }

        @Test func aDamagedFileRestsAndSaysSo() async throws {
            try await Scratch.with("rest") { scratch in
                let sink = try await Sink.local()
                let policy = Self.policy(.messageRate, "5/h", sink: sink.port)
                let first = try scratch.node(policy)
                #expect(try Wire.session(port: first.smtp).transaction(id: "1@t", to: "x@one.test").code == 250)
                #expect(eventually(within: 10) { sink.counters.messages == 1 })
                #expect(first.stop().ending == .exited(0))
                #expect(truncate(scratch.file("spool/limits.state"), 10) == 0)
                let second = try scratch.node(policy)
                #expect(try Wire.session(port: second.smtp).transaction(id: "2@t", to: "x@one.test").code == 250)
                #expect(second.program.errors.contains("ERROR what limits have given out is not known"))
                Now.sleep(1)
                #expect(sink.counters.messages == 1)
                #expect(second.stop().ending == .exited(0))
                let kept = try FileManager.default.contentsOfDirectory(atPath: scratch.file("spool/corrupt"))
                #expect(kept.contains { $0.hasPrefix("limits.state") })
            }
        }
    }
}

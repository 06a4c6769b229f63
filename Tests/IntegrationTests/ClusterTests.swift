import Foundation
import RedisFixture
import Sink
import Testing

extension IntegrationTests {
    /// Two real nodes and a real Redis, as an operator runs them.
    @Suite(.serialized, .timeLimit(.minutes(15))) struct ClusterTests {
        /// *Value*: what a command did.
        typealias Outcome = (ending: Program.Ending?, errors: String, output: String)

        private static func apus(_ scratch: Scratch, _ node: RunningNode, _ arguments: String...) throws -> Outcome {
            try scratch.outcome(arguments, environment: ["APUS_ENDPOINT": "http://127.0.0.1:\(node.http)"])
        }

        private static func node(_ scratch: Scratch, _ name: String, _ policy: Policy, _ store: RedisServer) throws -> RunningNode {
            try scratch.node(policy, spool: "spool-\(name)", options: ["--redis", store.url, "--name", name])
        }

        /// Whether the nodes know each other, and where.
        private static func haveMet(_ nodes: [RunningNode]) throws -> Bool {
            try eventually(within: 20, every: 0.1) {
                try nodes.allSatisfy { node in
                    let alive = try node.get("/api/members").list.filter { $0["status"] as? String == "alive" }
                    return alive.count { ($0["address"] as? String)?.isEmpty == false } == nodes.count
                }
            }
        }

        private static func state(_ node: RunningNode, _ queue: String) throws -> String? {
            try node.get("/api/queues").list.first { $0["queue"] as? String == queue }?["state"] as? String
        }

        /// The most arrivals within any second.
        private static func most(_ times: [Int64]) -> Int {
            var first = 0
            var most = 0
            for (index, time) in times.enumerated() {
                while times[first] < time - 1_000_000_000 { first += 1 }
                most = max(most, index - first + 1)
            }
            return most
        }

        /// One node dies under load and comes back; the limit holds all the time, and nothing is lost.
        @Test func aSharedRateHoldsWhileANodeDies() async throws {
            try await Scratch.with("rate") { scratch in
                let store = try await RedisServer()
                let record = scratch.file("record")
                let sink = try await Sink.local(record: record)
                var policy = Policy(sink: sink.port)
                policy.pathOptions = "connection_limit='local:2', max_message_rate='200/s'"
                let a = try Self.node(scratch, "a", policy, store)
                var b = try Self.node(scratch, "b", policy, store)
                let loads = [Load("a", size: 500, domains: ["x.test"]), Load("b", size: 500, domains: ["x.test"])]
                loads[0].aim(at: a.smtp)
                loads[1].aim(at: b.smtp)
                for load in loads { load.start(sessions: 2, messagesEach: 300) }
                #expect(eventually(within: 40) { sink.counters.messages >= 200 })

                let limits = try Self.apus(scratch, a, "limits", "--json")
                let list = try JSONSerialization.jsonObject(with: Data(limits.output.utf8)) as? [[String: Any]] ?? []
                let rate = try #require(list.first { $0["kind"] as? String == "rate" }, "\(limits.output)\(limits.errors)")
                #expect((rate["limit"] as? String)?.hasPrefix("kumomta.max_message_rate.unspecified->") == true, "\(rate)")
                #expect(rate["value"] as? String == "200/s" && rate["mode"] as? String == "redis", "\(rate)")
                let holders = rate["nodes"] as? [[String: Any]] ?? []
                #expect(Set(holders.compactMap { $0["node"] as? String }) == ["a", "b"], "\(rate)")
                #expect((rate["used"] as? Int ?? .max) <= 200 && holders.allSatisfy { $0["has"] as? Int ?? .max <= 200 }, "\(rate)")
                let table = try Self.apus(scratch, b, "limits", "--nodes")
                for part in ["200/s", "redis", "\n  a ", "\n  b "] { #expect(table.output.contains(part), "\(table.output)") }
                let explained = try Self.apus(scratch, a, "explain", "x.test", "--cluster")
                #expect(explained.ending == .exited(0), "\(explained.output)\(explained.errors)")
                #expect(explained.output.contains("node a:") && explained.output.contains("node b:"), "\(explained.output)")

                // Mail comes in while it dies.
                loads[1].start(sessions: 1, messagesEach: 400, first: 2)
                #expect(eventually(within: 10) { loads[1].acceptedCount > 600 })
                b.program.signal(SIGKILL)
                loads[1].aim(at: 0)
                #expect(b.program.wait(10) == .killed(Int(SIGKILL)))
                let killed = sink.counters.messages
                #expect(eventually(within: 20) { sink.counters.messages >= killed + 100 }, "the other one goes on")
                b = try Self.node(scratch, "b", policy, store)
                loads[1].aim(at: b.smtp)
                for load in loads { #expect(load.finishes(within: 60)) }
                for node in [a, b] {
                    let isEmpty = try node.becomesEmpty(within: 60)
                    let left = isEmpty ? "" : "\(try node.get("/api/queues").text) \(try node.get("/api/limits").text)"
                    #expect(isEmpty, "\(left)")
                }
                for node in [a, b] { #expect(node.stop().ending == .exited(0)) }
                await sink.stop()

                let arrivals = try Arrivals([record])
                let lost = loads[0].accepted.union(loads[1].accepted).subtracting(arrivals.times.keys)
                #expect(lost.isEmpty, "lost: \(lost.sorted().prefix(10))")
                // In flight are two on each of the connections of both nodes, and of the one that died.
                let most = Self.most(arrivals.times.values.flatMap { $0 }.sorted())
                #expect(most <= 200 + 2 * 2 * 3, "\(most) within one second")
                #expect(arrivals.duplicates <= 40, "\(arrivals.duplicates) repeated: more than a kill can make a node forget")
            }
        }

        @Test func oneCommandActsOnAllNodes() async throws {
            try await Scratch.with("cluster") { scratch in
                let store = try await RedisServer()
                let sink = try await Sink.local(rules: ["dot=delay=20ms"])
                var policy = Policy(sink: sink.port)
                policy.pathOptions = "connection_limit='local:1'"
                let a = try Self.node(scratch, "a", policy, store)
                let b = try Self.node(scratch, "b", policy, store)
                #expect(try Self.haveMet([a, b]))
                var run = try Self.apus(scratch, a, "members")
                #expect(run.ending == .exited(0) && run.output.contains("a *"), "\(run.output)\(run.errors)")
                for node in [a, b] { #expect(run.output.contains("127.0.0.1:\(node.http)"), "\(run.output)") }
                run = try Self.apus(scratch, a, "members", "forget", "b")
                #expect(run.ending == .exited(1) && run.errors.contains("node 'b'"), "\(run.errors)\(run.output)")

                let load = Load("b", size: 100, domains: ["x.test"])
                load.aim(at: b.smtp)
                load.start(sessions: 1, messagesEach: 300)
                #expect(load.finishes(within: 30) && sink.counters.messages < 300)
                run = try Self.apus(scratch, a, "suspend", "--domain", "x.test", "--reason", "asked", "--duration", "1h")
                #expect(run.ending == .exited(0), "\(run.errors)")
                #expect(try eventually(within: 1) { try Self.state(b, "x.test") == "paused" }, "the other node within a second")
                Now.sleep(0.2)
                let held = sink.counters.messages
                Now.sleep(0.5)
                #expect(sink.counters.messages == held)
                run = try Self.apus(scratch, a, "explain", "x.test", "--cluster")
                #expect(run.output.contains("node b:") && run.output.contains("It is suspended: asked (by 127.0.0.1"), "\(run.output)")
                #expect(run.output.contains("not on: a"), "\(run.output)")
                run = try Self.apus(scratch, b, "suspend", "--list")
                #expect(run.output.contains("domain x.test") && run.output.contains("asked"), "\(run.output)")
                run = try Self.apus(scratch, b, "resume", "--domain", "x.test")
                #expect(run.ending == .exited(0), "\(run.errors)")
                #expect(eventually(within: 5) { sink.counters.messages > held })
                #expect(try eventually(within: 2) { try a.get("/api/admin/suspend/v1").list.isEmpty })
                // Only on one of them.
                run = try Self.apus(scratch, a, "suspend", "--domain", "x.test", "--reason", "here", "--node", "a")
                #expect(run.ending == .exited(0), "\(run.errors)")
                #expect(eventually(within: 20) { sink.counters.messages == 300 }, "a rule for another node holds nothing here")
                try Self.forgets(scratch, a, b)
                #expect(a.stop().ending == .exited(0))
                await sink.stop()
            }
        }

        /// Node `b` dies for good.
        private static func forgets(_ scratch: Scratch, _ a: RunningNode, _ b: RunningNode) throws {
            b.program.signal(SIGKILL)
            #expect(b.program.wait(10) == .killed(Int(SIGKILL)))
            func status() throws -> String? {
                try a.get("/api/members").list.first { $0["node"] as? String == "b" }?["status"] as? String
            }
            #expect(try eventually(within: 20, every: 0.1) { try status() == "suspect" })
            // Too early to be sure: either it is refused, or it is done. What the command says must be so.
            var run = try apus(scratch, a, "members", "forget", "b")
            if run.ending == .exited(0) {
                #expect(try eventually(within: 4, every: 0.1) { try status() == nil }, "'\(run.output)', and it is still there")
            } else {
                #expect(run.errors.contains("'b'"), "\(run.errors)")
            }
            run = try apus(scratch, a, "explain", "x.test", "--cluster")
            #expect(run.output.contains("node a:") || run.output.contains("node b did not answer"), "\(run.output)")
            #expect(try eventually(within: 30, every: 0.1) { try status() != "suspect" })
            if try status() == "gone" {
                run = try apus(scratch, a, "members", "forget", "b")
                #expect(run.ending == .exited(0) && run.output.contains("forgot b"), "\(run.errors)\(run.output)")
            }
            #expect(try eventually(within: 10, every: 0.1) { try status() == nil })
            run = try apus(scratch, a, "members", "forget", "b")
            #expect(run.ending == .exited(1) && run.errors.contains("no node is called 'b'"), "\(run.errors)")
        }
    }
}

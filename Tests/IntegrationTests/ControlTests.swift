import Foundation
import Sink
import Testing

extension IntegrationTests {
    /// Suspending, bouncing, rebinding and explaining, over HTTP and on the command line, as an operator does it.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct ControlTests {
        private static func delete(_ node: RunningNode, _ path: String, _ body: String) throws -> HTTPReply {
            try HTTPReply.fetch(port: node.http, "DELETE", path, body: Array(body.utf8))
        }

        /// Runs a command against the node.
        private static func apus(
            _ scratch: Scratch, _ node: RunningNode, _ arguments: String...
        ) throws -> (ending: Program.Ending?, errors: String, output: String) {
            try scratch.outcome(arguments, environment: ["APUS_ENDPOINT": "http://127.0.0.1:\(node.http)"])
        }

        private static func scheduled(_ node: RunningNode, _ queue: String) throws -> Int {
            try node.get("/api/queues").list.first { $0["queue"] as? String == queue }?["scheduled"] as? Int ?? 0
        }

        @Test func suspensionsOverHTTPSurviveARestart() async throws {
            try await Scratch.with("suspend") { scratch in
                let sink = try await Sink.local()
                let policy = Policy(sink: sink.port)
                var node = try scratch.node(policy)
                let made = try node.post("/api/admin/suspend/v1", #"{"domain": "Held.test", "reason": "line\none", "duration": "1 hour"}"#)
                #expect(made.status == 200, "\(made.text)")
                let id = try #require(made.json["id"] as? String)
                // The same criteria replace the rule.
                let again = try node.post(
                    "/api/admin/suspend/v1", #"{"domain": "held.test", "reason": "still", "duration": "2h", "queue_names": []}"#)
                #expect(again.json["id"] as? String == id)
                for name in ["held", "free"] {
                    #expect(try Wire.session(port: node.smtp).transaction(id: "\(name)@t", to: "x@\(name).test").code == 250)
                }
                #expect(eventually(within: 10) { sink.counters.messages == 1 })
                #expect(node.stop().ending == .exited(0))

                node = try scratch.node(policy)
                let list = try node.get("/api/admin/suspend/v1").list
                #expect(list.count == 1)
                #expect(list.first?["id"] as? String == id && list.first?["domain"] as? String == "held.test")
                #expect(list.first?["reason"] as? String == "still" && list.first?["issuer"] as? String == "127.0.0.1")
                #expect((list.first?["duration"] as? String)?.hasPrefix("1h59m") == true, "\(list)")
                #expect((list.first?["expires"] as? String)?.hasSuffix("Z") == true)
                #expect(try eventually(within: 10) { try Self.scheduled(node, "held.test") == 1 })
                let queue = try #require(try node.get("/api/queues").list.first { $0["queue"] as? String == "held.test" })
                #expect((queue["blocked_by"] as? String)?.contains("suspended: still (by 127.0.0.1") == true, "\(queue)")
                let refused = try node.post("/api/queues/resume", #"{"queue": "held.test"}"#)
                #expect(refused.status == 404 && refused.text.contains(id), "\(refused.text)")
                Now.sleep(0.5)
                #expect(sink.counters.messages == 1)
                #expect(try Self.delete(node, "/api/admin/suspend/v1", "{\"id\": \"\(id)\"}").status == 200)
                #expect(eventually(within: 3) { sink.counters.messages == 2 })
                let gone = try Self.delete(node, "/api/admin/suspend/v1", "{\"id\": \"\(id)\"}")
                #expect(gone.status == 404 && gone.text.contains("GET /api/admin/suspend/v1"), "\(gone.text)")
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
            }
        }

        /// *Value*: a request that is wrong, and what the answer must name.
        struct Wrong: Sendable {
            var method = "POST"
            var path: String
            var body = ""
            var status = 400
            var says: String
        }

        static let wrong: [Wrong] = [
            Wrong(path: "/api/admin/suspend/v1", body: #"{"reason": "x"}"#, says: "names no queue"),
            Wrong(path: "/api/admin/suspend/v1", body: #"{"domain": "x"}"#, says: "'reason'"),
            Wrong(path: "/api/admin/suspend/v1", body: #"{"domian": "x", "reason": "x"}"#, says: "valid are reason"),
            Wrong(path: "/api/admin/suspend/v1", body: #"{"domain": "x", "reason": "x", "node": "y"}"#, says: "no node is called 'y'"),
            Wrong(path: "/api/admin/suspend/v1", body: #"{"domain": "x", "reason": "x", "duration": "300 years"}"#, says: "duration"),
            Wrong(path: "/api/admin/suspend/v1", body: "{", says: "JSON"),
            Wrong(path: "/api/admin/suspend-ready-q/v1", body: #"{"name": "example.com", "reason": "x"}"#, says: "egress path"),
            Wrong(path: "/api/admin/bounce/v1", body: #"{"reason": "x", "everything": false}"#, says: "names no queue"),
            Wrong(path: "/api/admin/rebind/v1", body: #"{"domain": "x", "reason": "x"}"#, says: "'data'"),
            Wrong(
                path: "/api/admin/rebind/v1", body: #"{"domain": "x", "reason": "x", "data": {"a": "b"}, "trigger_rebind_event": true}"#,
                says: "not supported yet"),
            Wrong(path: "/api/admin/rebind/v1", body: #"{"domain": "x", "data": {"a": "b"}}"#, says: "'reason'"),
            Wrong(method: "DELETE", path: "/api/admin/bounce/v1", body: #"{"id": "0"}"#, status: 404, says: "no bounce has the id"),
            Wrong(method: "DELETE", path: "/api/admin/suspend-ready-q/v1", body: "{}", says: "'id'"),
            Wrong(method: "GET", path: "/api/admin/bounce/v1/count", says: "names no queue"),
            Wrong(method: "GET", path: "/api/admin/bounce/v1/count?domian=x", says: "valid are"),
            Wrong(method: "GET", path: "/api/explain", says: "ask about one thing"),
            Wrong(method: "GET", path: "/api/explain?id=xyz", says: "32 hexadecimal digits"),
            Wrong(method: "GET", path: "/api/explain?queue=a&path=b", says: "ask about one thing"),
            Wrong(method: "GET", path: "/api/explain?queue=a&cluster=perhaps", says: "'cluster'"),
            Wrong(path: "/api/members/forget", body: #"{"node": "nobody"}"#, status: 404, says: "GET /api/members"),
        ]

        @Test func wrongRequestsAreExplained() async throws {
            try await Scratch.with("wrong") { scratch in
                let node = try scratch.node(Policy(sink: 1))
                for wrong in Self.wrong {
                    let body = wrong.method == "GET" ? nil : Array(wrong.body.utf8)
                    let reply = try HTTPReply.fetch(port: node.http, wrong.method, wrong.path, body: body)
                    #expect(
                        reply.status == wrong.status && reply.text.contains(wrong.says),
                        "\(wrong.path) \(wrong.body): \(reply.status) \(reply.text)")
                }
                for path in ["suspend", "suspend-ready-q", "bounce"] { #expect(try node.get("/api/admin/\(path)/v1").list.isEmpty) }
                let own = try #require(try node.get("/api/members").list.first?["node"] as? String)
                #expect(try node.post("/api/members/forget", "{\"node\": \"\(own)\"}").status == 409)
                #expect(node.stop().ending == .exited(0))
            }
        }

        @Test func theCommandsDoWhatTheySay() async throws {
            try await Scratch.with("commands") { scratch in
                let record = scratch.file("record")
                let sink = try await Sink.local(record: record)
                var policy = Policy(sink: sink.port)
                policy.more = "kumo.configure_local_logs{log_dir='\(scratch.file("logs"))', max_segment_duration='1 hour'}"
                let node = try scratch.node(policy)

                var run = try Self.apus(scratch, node, "suspend", "--tenant", "gold", "--reason", "warm-up", "--duration", "forever")
                #expect(run.ending == .exited(0) && run.output.hasPrefix("suspended; `apus resume "), "\(run.errors)\(run.output)")
                for index in 0..<4 {
                    let body = "{\"from\": \"a@b.test\", \"to\": \"x@one.test\", \"tenant\": \"gold\", \"subject\": \"\(index)\"}"
                    #expect(try node.post("/api/inject", body).status == 200)
                }
                #expect(try eventually(within: 10) { try Self.scheduled(node, "gold@one.test") == 4 })

                run = try Self.apus(scratch, node, "explain", "gold@one.test")
                #expect(
                    run.ending == .exited(0) && run.output.contains("It is suspended: warm-up (by 127.0.0.1"), "\(run.errors)\(run.output)")
                #expect(run.output.contains("4 messages wait here"), "\(run.output)")
                run = try Self.apus(scratch, node, "explain", "nobody@nowhere.test", "--json")
                #expect(run.ending == .exited(1) && run.output.contains("\"found\":false"), "\(run.output)")
                run = try Self.apus(scratch, node, "explain", "0123456789abcdef0123456789abcdef", "--cluster")
                #expect(run.ending == .exited(1) && run.output.contains("does not have the message"), "\(run.output)")

                run = try Self.apus(scratch, node, "suspend", "--list")
                #expect(run.output.contains("tenant gold") && run.output.contains("forever"), "\(run.output)")
                run = try Self.apus(scratch, node, "queues")
                #expect(run.output.contains("paused") && run.output.contains("suspended: warm-up"), "\(run.output)")

                run = try Self.apus(
                    scratch, node, "rebind", "--tenant", "gold", "--set", "tenant=silver", "--reason", "one day", "--flush")
                #expect(run.ending == .exited(0), "\(run.errors)")
                #expect(eventually(within: 10) { sink.counters.messages == 4 }, "a queue that is not suspended sends them")

                run = try Self.apus(scratch, node, "resume", "--tenant", "gold")
                #expect(run.ending == .exited(0) && run.output.hasPrefix("resumed "), "\(run.errors)")
                run = try Self.apus(scratch, node, "resume", "--tenant", "gold")
                #expect(run.ending == .exited(1) && run.errors.contains("apus suspend --list"), "\(run.errors)")

                run = try Self.apus(scratch, node, "suspend", "--path", "unspecified->x@smtp_client", "--reason", "listed", "--json")
                #expect(run.ending == .exited(0) && run.output.hasPrefix("{\"id\":\""), "\(run.errors)\(run.output)")
                run = try Self.apus(scratch, node, "resume", "--path", "unspecified->x@smtp_client", "--json")
                #expect(run.ending == .exited(0) && run.output.hasPrefix("{\"resumed\":[\""), "\(run.errors)\(run.output)")

                _ = try Self.apus(scratch, node, "suspend", "--queue", "two.test", "--reason", "first hold")
                for index in 0..<3 {
                    #expect(try Wire.session(port: node.smtp).transaction(id: "b\(index)@t", to: "x@two.test").code == 250)
                }
                #expect(try eventually(within: 10) { try Self.scheduled(node, "two.test") == 3 })
                run = try Self.apus(scratch, node, "bounce", "--domain", "two.test", "--dry-run")
                #expect(
                    run.output.contains("two.test") && run.output.hasSuffix("all              3\n") || run.output.contains("3\n"),
                    "\(run.output)")
                run = try Self.apus(scratch, node, "bounce", "--domain", "two.test", "--reason", "by mistake")
                #expect(run.ending == .exited(0), "\(run.errors)")
                #expect(try node.becomesEmpty(within: 10))
                run = try Self.apus(scratch, node, "bounce", "--list", "--json")
                let rules = try #require(JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
                #expect(rules.count == 1 && rules[0]["total_bounced"] as? Int == 3)
                #expect(rules[0]["bounced"] as? [String: Int] == ["two.test": 3])
                run = try Self.apus(scratch, node, "bounce", "--cancel", rules[0]["id"] as? String ?? "")
                #expect(run.ending == .exited(0))
                run = try Self.apus(scratch, node, "bounce", "--cancel", rules[0]["id"] as? String ?? "")
                #expect(run.ending == .exited(1) && run.errors.contains("apus bounce --list"))

                run = try Self.apus(scratch, node, "members")
                #expect(
                    run.ending == .exited(0) && run.output.contains("alive") && run.output.contains("127.0.0.1:\(node.http)"),
                    "\(run.output)")
                run = try Self.apus(scratch, node, "limits")
                #expect(run.ending == .exited(0) && run.output.contains("connections") && run.output.contains("local"), "\(run.output)")
                run = try Self.apus(scratch, node, "limits", "--waiting")
                #expect(run.ending == .exited(0) && run.output.contains("nobody waits"), "\(run.output)")

                #expect(node.stop().ending == .exited(0))
                await sink.stop()
                let records = try Logs.records(scratch.file("logs"), scratch)
                #expect(records.count { $0["type"] as? String == "AdminBounce" } == 3)
                #expect(records.count { $0["type"] as? String == "AdminRebind" } == 4)
                #expect(try Arrivals([record]).count == 4)
            }
        }

        @Test(arguments: [
            (["suspend"], "name the queues"), (["suspend", "--domain", "x"], "--reason"),
            (["suspend", "--path", "a->b@c", "--domain", "x", "--reason", "r"], "--path cannot be combined with other criteria"),
            (["resume"], "by its id"), (["resume", "abc", "--domain", "x"], "by its id"),
            (["bounce", "--everything"], "--reason"), (["bounce"], "name the queues"),
            (["rebind", "--domain", "x", "--reason", "r"], "--set KEY=VALUE"),
            (["rebind", "--domain", "x", "--reason", "r", "--set", "=x"], "--set takes KEY=VALUE"),
        ]) func wrongArgumentsAreExplained(_ arguments: [String], _ says: String) async throws {
            try await Scratch.with("arguments") { scratch in
                let run = try scratch.outcome(arguments)
                #expect(run.ending == .exited(64) && run.errors.contains(says), "\(run.errors)")
            }
        }
    }
}

import Foundation
import Sink
import Testing

extension IntegrationTests {
    /// The HTTP API of a running node.
    @Suite(.serialized, .timeLimit(.minutes(8))) struct HTTPTests {
        @Test func injectsAndCounts() async throws {
            try await Scratch.with("http") { scratch in
                let record = scratch.file("record")
                let sink = try await Sink.local(record: record)
                let node = try scratch.node(Policy(sink: sink.port))

                let short = try node.post(
                    "/api/inject",
                    #"{"from": "you@example.com", "to": ["a@one.test", "b@two.test", "not an address"], "subject": "Grüße", "body": "Text\n.dot\n", "headers": {"X-Campaign": "spring"}}"#
                )
                #expect(short.status == 200)
                #expect(short.json["success_count"] as? Int == 2)
                #expect(short.json["fail_count"] as? Int == 1)
                #expect((short.json["ids"] as? [String])?.count == 2)
                #expect((short.json["errors"] as? [String])?.first?.contains("not an address") == true)

                let raw = try node.post(
                    "/api/inject/v1",
                    #"{"envelope_sender": "you@example.com", "recipients": [{"email": "a@one.test"}, {"email": "nobody"}, {"email": "c@two.test", "name": "Cé"}], "content": "From: you@example.com\nMessage-ID: <raw@t>\nSubject: Hello\n\nText\n"}"#
                )
                #expect(raw.status == 200, "\(raw.text)")
                #expect(raw.json["success_count"] as? Int == 2)
                #expect(raw.json["fail_count"] as? Int == 1)
                #expect(raw.json["failed_recipients"] as? [String] == ["nobody"])

                let built = try node.post(
                    "/api/inject/v1",
                    #"{"envelope_sender": "you@example.com", "recipients": [{"email": "a@one.test"}], "content": {"from": {"email": "you@example.com", "name": "You"}, "subject": "Hi", "text_body": "t", "html_body": "<b>t</b>", "attachments": [{"data": "aGVsbG8=", "content_type": "text/plain", "base64": true, "file_name": "x.txt"}]}}"#
                )
                #expect(built.status == 200, "\(built.text)")
                #expect(built.json["success_count"] as? Int == 1)

                let wire = try Wire.session(port: node.smtp)
                for index in 0..<3 { #expect(try wire.transaction(id: "smtp\(index)@t", to: "x@one.test").code == 250) }
                let isEmpty = try node.becomesEmpty(within: 20)
                #expect(isEmpty)
                #expect(sink.counters.messages == 8)

                #expect(try node.metric("total_messages_received{service=\"http_listener\"}") == 5)
                #expect(try node.metric("total_messages_received{service=\"esmtp_listener\"}") == 3)
                #expect(try node.metric("total_messages_delivered{service=\"smtp_client\"}") == 8)
                #expect(try node.metric("total_messages_fail{service=\"smtp_client\"}") ?? 0 == 0)
                let metrics = try node.get("/metrics").text
                for problem in PrometheusText.problems(metrics) { Issue.record("\(problem)") }
                let part = try node.get("/metrics?prefix=total_messages").text
                #expect(
                    part.split(separator: "\n").allSatisfy {
                        $0.hasPrefix("total_messages") || $0.hasPrefix("# ") && $0.contains(" total_messages")
                    })

                let queues = try node.get("/api/queues")
                #expect(queues.headers["content-type"] == "application/json")
                for entry in queues.list {
                    for key in ["scheduled", "due", "active", "delivered"] { #expect(entry[key] is Int, "\(entry)") }
                    #expect(entry["state"] is String)
                }
                let delivered = queues.list.reduce(0) { $0 + ($1["delivered"] as? Int ?? 0) }
                #expect(delivered == 8 || queues.list.isEmpty)
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
                #expect(try Arrivals([record]).times["raw@t"]?.count == 2)
            }
        }

        /// *Value*: a request that is wrong, the status it gets, and what the answer must name.
        struct Wrong: Sendable {
            var path: String
            var body: String
            var status: [Int]
            var says: String
        }

        static let wrong: [Wrong] = [
            Wrong(
                path: "/api/inject", body: #"{"from": "a@b.test", "to": ["c@d.test"], "subjekt": "x"}"#, status: [400, 422], says: "subjekt"
            ),
            Wrong(path: "/api/inject", body: #"{"to": ["c@d.test"]}"#, status: [400, 422], says: "from"),
            Wrong(path: "/api/inject", body: #"{"from": "a@b.test", "to": 5}"#, status: [400, 422], says: "to"),
            Wrong(path: "/api/inject", body: #"{"from": "a@b.test", "to": []}"#, status: [400, 422], says: "to"),
            Wrong(path: "/api/inject", body: #"{"from": "nobody at all", "to": ["c@d.test"]}"#, status: [400, 422], says: "from"),
            Wrong(
                path: "/api/inject", body: #"{"from": "a@b.test", "to": ["c@d.test"], "subject": 5}"#, status: [400, 422], says: "subject"),
            Wrong(path: "/api/inject", body: "", status: [400, 422], says: "JSON"),
            Wrong(path: "/api/inject", body: "[]", status: [400, 422], says: ""),
            Wrong(
                path: "/api/inject/v1",
                body:
                    #"{"envelope_sender": "a@b.test", "recipients": [{"email": "c@d.test", "substitutions": {"n": "x"}}], "content": "x"}"#,
                status: [400, 422], says: "substitutions are not supported yet"),
            Wrong(
                path: "/api/inject/v1",
                body: #"{"envelope_sender": "a@b.test", "recipients": [{"email": "c@d.test"}], "content": "x", "substitutions": {"n": 1}}"#,
                status: [400, 422], says: "not supported yet"),
            Wrong(
                path: "/api/inject/v1",
                body: #"{"envelope_sender": "a@b.test", "recipients": [{"email": "c@d.test"}], "content": {"text_bod": "x"}}"#,
                status: [400, 422], says: "text_bod"),
            Wrong(
                path: "/api/inject/v1", body: #"{"envelope_sender": "a@b.test", "recipients": [{"email": "c@d.test"}]}"#,
                status: [400, 422], says: "content"),
            Wrong(
                path: "/api/inject/v1", body: #"{"envelope_sender": "a@b.test", "recipients": [{"mail": "c@d.test"}], "content": "x"}"#,
                status: [400, 422], says: "email"),
            Wrong(
                path: "/api/inject/v1",
                body: #"{"envelope_sender": "a@b.test", "recipients": [{"email": "c@d.test", "nam": "x"}], "content": "x"}"#,
                status: [400, 422], says: "nam"),
            Wrong(path: "/api/queues/pause", body: #"{"reason": "x"}"#, status: [400, 422], says: "queue"),
            Wrong(path: "/api/queues/resume", body: #"{"queue": "never.test"}"#, status: [404], says: "not paused"),
        ]

        @Test func mistakesAreExplained() async throws {
            try await Scratch.with("wrong") { scratch in
                let node = try scratch.node(Policy(sink: 9))
                for wrong in Self.wrong {
                    let reply = try node.post(wrong.path, wrong.body)
                    #expect(wrong.status.contains(reply.status), "\(wrong.path) \(wrong.body): \(reply.status) \(reply.text)")
                    #expect(wrong.says.isEmpty || reply.text.contains(wrong.says), "\(wrong.path) \(wrong.body): \(reply.text)")
                }
                #expect(try node.metric("total_messages_received{service=\"http_listener\"}") ?? 0 == 0)
                #expect(node.stop().ending == .exited(0))
            }
        }

        @Test func pausesSurviveRestarts() async throws {
            try await Scratch.with("pause") { scratch in
                let sink = try await Sink.local()
                let policy = Policy(sink: sink.port)
                var node = try scratch.node(policy)
                let paused = try node.post("/api/queues/pause", #"{"queue": "held.test", "reason": "line\none\ttab"}"#)
                #expect(paused.status == 200)
                #expect(try Wire.session(port: node.smtp).transaction(id: "held@t", to: "x@held.test").code == 250)
                #expect(try Wire.session(port: node.smtp).transaction(id: "free@t", to: "x@free.test").code == 250)
                #expect(eventually(within: 10) { sink.counters.messages == 1 })
                #expect(node.stop().ending == .exited(0))

                node = try scratch.node(policy)
                let pauses = try node.get("/api/queues/pauses").list
                #expect(pauses.count == 1)
                #expect(pauses.first?["queue"] as? String == "held.test")
                #expect(pauses.first?["reason"] as? String == "line one tab")
                #expect(
                    try eventually(within: 10) {
                        try node.get("/api/queues").list.contains {
                            $0["queue"] as? String == "held.test" && $0["state"] as? String == "paused"
                        }
                    })
                Now.sleep(1)
                #expect(sink.counters.messages == 1)
                let table = try scratch.outcome(["queues", "--endpoint", "http://127.0.0.1:\(node.http)"])
                #expect(table.ending == .exited(0), "\(table.errors)")
                #expect(table.output.contains("held.test") && table.output.contains("paused"), "\(table.output)")

                #expect(try node.post("/api/queues/resume", #"{"queue": "held.test"}"#).status == 200)
                #expect(eventually(within: 10) { sink.counters.messages == 2 })
                #expect(node.stop().ending == .exited(0))
                node = try scratch.node(policy)
                #expect(try node.get("/api/queues/pauses").list.isEmpty)
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
            }
        }
    }
}

/// *Value* (namespace): a strict reader of the Prometheus text format.
enum PrometheusText {
    /// Every line that is not as it should be.
    static func problems(_ text: String) -> [String] {
        var problems: [String] = []
        var types: [String: String] = [:]
        var seen: Set<Substring> = []
        if !text.hasSuffix("\n") { problems.append("the text does not end with a line end") }
        for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                if words.count != 4 || !["counter", "gauge", "histogram", "summary", "untyped"].contains(String(words[3])) {
                    problems.append("type: \(line)")
                }
                if words.count == 4, types.updateValue(String(words[3]), forKey: String(words[2])) != nil {
                    problems.append("a second type: \(line)")
                }
            } else if line.hasPrefix("#") {
                if !line.hasPrefix("# HELP ") { problems.append("comment: \(line)") }
            } else {
                guard let name = sample(line) else {
                    problems.append("sample: \(line)")
                    continue
                }
                let series = line[..<(line.lastIndex(of: " ") ?? line.endIndex)]
                if !seen.insert(series).inserted { problems.append("twice: \(line)") }
                let base =
                    ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) && types[String(name.dropLast($0.count))] == "histogram" }
                    .map { String(name.dropLast($0.count)) } ?? name
                if types[base] == nil { problems.append("no type: \(line)") }
            }
        }
        if seen.isEmpty { problems.append("no samples") }
        return problems
    }

    /// The name of a sample; `nil` when the line is none.
    private static func sample(_ line: Substring) -> String? {
        let pattern =
            #/^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*")(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*")*\})? (NaN|[+-]Inf|-?[0-9.]+([eE][+-]?[0-9]+)?)$/#
        return line.wholeMatch(of: pattern).map { String($0.output.1) }
    }
}

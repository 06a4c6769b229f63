import Glibc
import NIOCore
import Options
import Resources
import Shaping
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// The HTTP listener as a client sees it, byte for byte. 127.0.0.2 is a stranger here: only 127.0.0.1 is trusted.
@Suite(.timeLimit(.minutes(8))) struct HTTPConnectionTests {
    static func get(_ path: String, _ method: String = "GET", _ fields: String = "") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
    }

    @Test func answersInOrderOnOneConnection() async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                let client = try RawHTTP(port: port)
                client.write(
                    Self.get("/livez") + Self.get("/api/queues") + Self.get("/nope") + "\r\n" + Self.get("/startupz", "HEAD")
                        + Self.get("/metrics"))
                #expect(try await client.answer()?.body == "ok\n")
                let queues = try await client.answer()
                #expect(queues?.header("content-type") == "application/json" && queues?.header("connection") == nil)
                #expect(try await client.answer()?.status == 404)
                let head = try await client.answer(isHead: true)
                #expect(head?.status == 200 && head?.header("content-length") == "3")
                #expect(try await client.answer()?.body.contains("memory_budget_bytes{use=\"http\"}") == true)
            }
        }
    }

    /// Every cut of two pipelined requests, one with a body, gives the same answers.
    @Test func cutsDoNotMatter() async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                let body = #"{"queue": "cut.test", "reason": "a\r\n\r\nb"}"#
                let chunked =
                    "POST /api/queues/pause HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5\r\n\(body.prefix(5))\r\n\(String(body.utf8.count - 5, radix: 16))\r\n\(body.dropFirst(5))\r\n0\r\n\r\n"
                let text =
                    Self.get("/api/queues/pause", "POST", "Content-Length: \(body.utf8.count)\r\n") + body + Self.get("/livez") + chunked
                    + Self.get("/livez")
                let bytes = Array(text.utf8)
                for cut in stride(from: 1, to: bytes.count, by: 7) {
                    let client = try RawHTTP(port: port)
                    client.write(Array(bytes[..<cut]))
                    client.write(Array(bytes[cut...]))
                    var statuses: [Int] = []
                    for _ in 0..<4 { statuses.append(try await client.answer()?.status ?? 0) }
                    #expect(statuses == [200, 200, 200, 200], "cut at \(cut)")
                }
                let client = try RawHTTP(port: port)
                for byte in bytes { client.write([byte]) }
                for _ in 0..<4 { #expect(try await client.answer()?.status == 200) }
                try rig.resume("cut.test")
            }
        }
    }

    @Test(arguments: [
        ("GET", "/api/queues", 401), ("GET", "/metrics", 401), ("POST", "/api/admin/bounce/v1", 401), ("GET", "/nope", 401),
        ("HEAD", "/metrics", 401), ("OPTIONS", "/metrics", 401), ("GET", "/livez", 200), ("HEAD", "/livez", 200), ("POST", "/livez", 405),
    ]) func strangers(_ method: String, _ path: String, _ status: Int) async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                let client = try RawHTTP(port: port, from: "127.0.0.2", timeout: 5)
                client.write(Self.get(path, method))
                let answer = try await client.answer(isHead: method == "HEAD")
                #expect(answer?.status == status)
                guard status == 401 else { return }
                #expect(answer?.header("connection") == "close")
                #expect(await client.isClosed())
            }
        }
    }

    /// A stranger who goes on sending is cut off, whatever it sends.
    @Test(arguments: ["body", "chunks", "requests", "nothing"]) func aRefusedStrangerIsClosed(_ what: String) async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                let client = try RawHTTP(port: port, from: "127.0.0.2", timeout: 5)
                let piece: String
                switch what {
                case "body":
                    client.write(Self.get("/api/inject", "POST", "Content-Length: 1000000000\r\n"))
                    piece = String(repeating: "x", count: 65_536)
                case "chunks":
                    client.write(Self.get("/api/inject", "POST", "Transfer-Encoding: chunked\r\n"))
                    piece = "8000\r\n" + String(repeating: "x", count: 0x8000) + "\r\n"
                case "requests":
                    piece = String(repeating: Self.get("/api/queues"), count: 500)
                default:
                    client.write(Self.get("/api/queues"))
                    piece = ""
                }
                let start = ContinuousClock.now
                var isCut = piece.isEmpty
                while !isCut, ContinuousClock.now - start < .seconds(8) { isCut = !client.write(piece) }
                #expect(isCut)
                if piece.isEmpty { #expect(try await client.answer()?.status == 401) }
                #expect(await client.isClosed())
                try await expectEventually("closed") { rig.metric("connection_count{service=\"http_listener\"}") == 0 }
                #expect(rig.metric("http_answers_total{status=\"401\"}") == 1)
            }
        }
    }

    @Test func expectContinue() async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                let body = #"{"queue": "expect.test"}"#
                func client(_ fields: String, _ path: String = "/api/queues/pause", from: String? = nil, version: String = "1.1") throws
                    -> RawHTTP
                {
                    let client = try RawHTTP(port: port, from: from, timeout: 5)
                    client.write("POST \(path) HTTP/\(version)\r\nHost: localhost\r\n\(fields)\r\n")
                    return client
                }
                for value in ["100-continue", "100-Continue"] {
                    let one = try client("Expect: \(value)\r\nContent-Length: \(body.utf8.count)\r\n")
                    #expect(try await one.answer()?.status == 100)
                    one.write(body)
                    #expect(try await one.answer()?.status == 200)
                    one.write(Self.get("/livez"))
                    #expect(try await one.answer()?.status == 200, "the connection goes on")
                }
                let chunked = try client("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n")
                #expect(try await chunked.answer()?.status == 100)
                chunked.write("18\r\n\(body)\r\n0\r\n\r\n")
                #expect(try await chunked.answer()?.status == 200)
                // What is refused anyway is refused before the body is sent.
                for (fields, path, status) in [
                    ("Content-Length: 3000000\r\n", "/api/inject", 413), ("Content-Length: 5\r\n", "/nope", 404),
                    ("Content-Length: 5\r\n", "/metrics", 405), ("Origin: null\r\nContent-Length: 5\r\n", "/api/inject", 403),
                ] {
                    let refused = try client("Expect: 100-continue\r\n" + fields, path)
                    #expect(try await refused.answer()?.status == status)
                    #expect(await refused.isClosed())
                }
                #expect(try await client("Expect: 200-ok\r\nContent-Length: 5\r\n").answer()?.status == 417)
                #expect(try await client("Expect: 100-continue\r\nContent-Length: 5\r\n", from: "127.0.0.2").answer()?.status == 401)
                // No body to wait for, no interim answer; and none in HTTP/1.0.
                #expect(try await client("Expect: 100-continue\r\n").answer()?.status == 400)
                let old = try client("Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n", version: "1.0")
                old.write(body)
                #expect(try await old.answer()?.status == 200)
                try rig.resume("expect.test")
            }
        }
    }

    @Test(arguments: [
        ("GET /livez HTTP/2.0\r\n\r\n", [400]), ("\u{16}\u{03}\u{01}garbage", [400]), ("GET /livez\r\n\r\n", [400]),
        ("POST /api/queues/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", [400]),
        ("POST /api/queues/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", [400]),
        ("POST /api/queues/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", [400]),
        ("POST /api/queues/pause HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", [400, 501]),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "a", count: 40_000))\r\n\r\n", [400, 431]),
        ("GET /\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\nHost: localhost\r\n\r\n", [400, 404, 414, 431]),
        ("GET /metrics HTTP/1.1\r\n\r\n", [400]),
    ]) func whatIsNoRequest(_ text: String, _ statuses: [Int]) async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                let client = try RawHTTP(port: port, timeout: 5)
                client.write(text)
                client.finish()
                let answer = try await client.answer()
                #expect(statuses.contains(answer?.status ?? 0), "\(answer?.status ?? 0)")
                #expect(await client.isClosed())
            }
        }
    }

    @Test func plainCurlStaysWelcome() async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                let body = #"{"queue": "curl.test"}"#
                for host in ["localhost:\(port)", "127.0.0.1:\(port)"] {
                    let request =
                        "POST /api/queues/pause HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: curl/8\r\nAccept: */*\r\n"
                        + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body
                    #expect(try await RawHTTP.ask(port, request).status == 200)
                    let browser = request.replacing("Accept: */*", with: "Origin: http://evil.example\r\nContent-Type: text/plain")
                    let answer = try await RawHTTP.ask(port, browser)
                    #expect(answer.status == 403 && answer.body.contains("evil.example") && answer.body.contains("trusted_names"))
                }
                try rig.resume("curl.test")
            }
        }
    }

    @Test func mistakesNameTheFieldAndTheType() async throws {
        let cases: [(path: String, body: String, says: String)] = [
            ("/api/queues/pause", #"{"queue": 5}"#, "'queue' must be a text, not a number"),
            ("/api/queues/pause", #"{"queue": ["a"]}"#, "'queue' must be a text, not a list"),
            ("/api/queues/pause", #"{"queue": "a", "reason": {}}"#, "'reason' must be a text, not an object"),
            ("/api/queues/pause", #"{"reason": "a"}"#, "the field 'queue' is missing"),
            ("/api/queues/pause", #"{"queue": ""}"#, "the field 'queue' is missing"),
            ("/api/queues/resume", #"{"queue": null}"#, "the field 'queue' is missing"),
            ("/api/queues/resume", #"{"queu": "a"}"#, "'queu' is not a field of this request; valid are queue, reason"),
            ("/api/queues/resume", "", "the body is empty"), ("/api/queues/resume", "{", "not valid JSON"),
            ("/api/queues/resume", "[]", "must be a JSON object such as {\"queue\""), ("/api/queues/resume", "\"x\"", "not a text"),
            ("/api/queues/resume", "\u{FF}", "not valid JSON"),
            ("/api/admin/bounce/v1", #"{"domain": 5, "reason": "x"}"#, "'domain' must be a text, not a number"),
            ("/api/admin/bounce/v1", #"{"everything": "yes", "reason": "x"}"#, "'everything' must be true or false, not a text"),
            (
                "/api/admin/bounce/v1", #"{"queue_names": "a", "reason": "x"}"#,
                "'queue_names' must be a list of names of queues, not a text"
            ),
            ("/api/admin/bounce/v1", #"{"queue_names": ["a", 5], "reason": "x"}"#, "'queue_names[1]'"),
            ("/api/admin/suspend/v1", #"{"domain": "a.test", "reason": true}"#, "'reason' must be a text, not true or false"),
            ("/api/admin/suspend-ready-q/v1", #"{"name": 1, "reason": "x"}"#, "'name' must be a text, not a number"),
            ("/api/admin/rebind/v1", #"{"domain": "a.test", "reason": "x", "data": []}"#, "'data' must be an object"),
            ("/api/members/forget", #"{"node": 7}"#, "'node' must be a text, not a number"),
        ]
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                for (path, body, says) in cases {
                    let answer = try await RawHTTP.ask(port, Self.get(path, "POST", "Content-Length: \(body.utf8.count)\r\n") + body)
                    #expect(answer.status == 400, "\(path) \(body)")
                    #expect(answer.body.contains(says), "\(path) \(body): \(answer.body)")
                    for word in ["Swift", "Decod", "codingPath", "Dictionary", "Int64", "String"] { #expect(!answer.body.contains(word)) }
                }
            }
        }
    }

    @Test func connectionsAreCapped() async throws {
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving(["max_connections": .integer(4)]) { port in
                var strangers: [RawHTTP] = []
                for _ in 0..<4 {
                    let stranger = try RawHTTP(port: port, from: "127.0.0.2", timeout: 5)
                    stranger.write(Self.get("/livez"))
                    strangers.append(stranger)
                }
                var statuses: [Int] = []
                for stranger in strangers { statuses.append(try await stranger.answer()?.status ?? 0) }
                #expect(statuses.sorted() == [200, 200, 503, 503], "half of the places are for those who are trusted")
                try await expectEventually("the others are closed") { rig.metric("connection_count{service=\"http_listener\"}") == 2 }
                let one = try RawHTTP(port: port, timeout: 5)
                let two = try RawHTTP(port: port, timeout: 5)
                for client in [one, two] {
                    client.write(Self.get("/livez"))
                    #expect(try await client.answer()?.status == 200)
                }
                let late = try RawHTTP(port: port, timeout: 5)
                #expect(try await late.answer()?.status == 503)
                #expect(await late.isClosed())
                strangers.removeAll()
                try await expectEventually("there is room again") {
                    (try? await RawHTTP.ask(port, Self.get("/livez")).status) == 200
                }
            }
        }
    }

    /// What a client makes the node hold is given back whatever ends the connection.
    @Test func everyByteIsGivenBack() async throws {
        try await Rig.run(RigPlan()) { rig in
            let budget = rig.node.services.resident
            try await rig.serving { port in
                var clients: [RawHTTP] = []
                for index in 0..<8 {
                    let client = try RawHTTP(port: port, timeout: 5)
                    let head = index % 2 == 0 ? "Content-Length: 1000000\r\n" : "Transfer-Encoding: chunked\r\n"
                    client.write(Self.get("/api/inject", "POST", head))
                    client.write(
                        index % 2 == 0 ? String(repeating: " ", count: 500_000) : "7A120\r\n" + String(repeating: " ", count: 500_000))
                    clients.append(client)
                }
                try await expectEventually("counted as it arrives") { budget.bytes(.http) >= 8 * 500_000 }
                #expect(rig.metric("memory_budget_bytes{use=\"http\"}") >= 8 * 500_000)
                for (index, client) in clients.enumerated() where index < 4 { client.finish() }
                clients.removeFirst(4)
                for client in clients {
                    var linger = linger(l_onoff: 1, l_linger: 0)
                    setsockopt(client.socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
                }
                clients.removeAll()
                try await expectEventually("given back") { budget.bytes(.http) == 0 }
                for request in [Self.get("/metrics"), Self.get("/nope"), Self.get("/api/queues", "POST", "Content-Length: 3\r\n") + "abc"] {
                    _ = try await RawHTTP.ask(port, request)
                }
                let unread = try RawHTTP(port: port)
                unread.write(Self.get("/api/inject", "POST", "Content-Length: 3000000\r\n"))
                #expect(try await unread.answer()?.status == 413)
                _ = await unread.isClosed()
            }
            #expect(budget.bytes(.http) == 0)
            #expect(rig.metric("connection_count{service=\"http_listener\"}") == 0)
        }
    }

    @Test func bodiesAreRefusedWhenMemoryIsShort() async throws {
        try await Rig.run(RigPlan()) { rig in
            let budget = rig.node.services.resident
            try await rig.serving { port in
                let late = try RawHTTP(port: port, timeout: 5)
                late.write(Self.get("/api/inject", "POST", "Content-Length: 1000000\r\n"))
                budget.add(budget.limit * 2)
                let early = try RawHTTP(port: port, timeout: 5)
                early.write(Self.get("/api/inject", "POST", "Content-Length: 1000000\r\n"))
                let refused = try await early.answer()
                #expect(refused?.status == 503 && refused?.header("retry-after") != nil)
                late.write(String(repeating: " ", count: 500_000))
                #expect(try await late.answer()?.status == 503)
                // An operator can still help.
                let body = #"{"queue": "a.test"}"#
                let pause = Self.get("/api/queues/pause", "POST", "Content-Length: \(body.utf8.count)\r\n") + body
                #expect(try await RawHTTP.ask(port, pause).status == 200)
                #expect(try await RawHTTP.ask(port, Self.get("/metrics")).status == 200)
                let ready = try await RawHTTP.ask(port, Self.get("/readyz"))
                #expect(ready.status == 503 && ready.body.contains("memory"))
                budget.remove(budget.limit * 2)
                #expect(try await RawHTTP.ask(port, Self.get("/readyz")).status == 200)
                try rig.resume("a.test")
            }
        }
    }

    @Test func stoppingAnswersWhatIsInHand() async throws {
        try await Rig.run(RigPlan()) { rig in
            var idle: RawHTTP?
            try await rig.serving { port in
                for _ in 0..<50 { _ = try await RawHTTP.ask(port, Self.get("/livez")) }
                idle = try RawHTTP(port: port)
                idle?.write(Self.get("/livez"))
                #expect(try await idle?.answer()?.status == 200)
            }
            #expect(await idle?.isClosed() == true)
        }
    }
}

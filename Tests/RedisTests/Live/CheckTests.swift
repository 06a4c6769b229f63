import RedisFixture
import Testing

@testable import Redis

@Suite struct CheckTests {
    static func report(_ url: String, username: String? = nil, password: String? = nil) async throws -> RedisReport {
        try await TestClient.with([url], username: username, password: password, starts: false) { await $0.client.check() }
    }

    @Test func aGoodServer() async throws {
        let server = try await RedisServer(["--maxmemory", "100mb"])
        let report = try await Self.report(server.url)
        #expect(report.problems == [] && report.warnings == [] && report.isUsable)
        #expect(report.role == "master" && report.version?.isEmpty == false && report.runID?.count == 40)
        #expect(report.maxmemoryPolicy == "noeviction")
        #expect(try server.command(["DBSIZE"]) == ":0\r\n", "the check executed something")
    }

    @Test(arguments: [
        (["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"], "set it to noeviction", true),
        (["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"], "set it to noeviction", true),
        (["--maxmemory-policy", "volatile-lru"], "harmless only while", false),
        (["--replicaof", "127.0.0.1 1"], "is a replica", true),
        (["--cluster-enabled", "yes"], "use redis-cluster://", true),
        (["--requirepass", "x"], "asks for a password", true),
    ])
    func settings(options: [String], words: String, isProblem: Bool) async throws {
        let server = try await RedisServer(options)
        let report = try await Self.report(server.url)
        let sentences = isProblem ? report.problems : report.warnings
        #expect(sentences.contains { $0.contains(words) && $0.contains("127.0.0.1:\(server.port)") }, "\(report)")
        #expect(report.isUsable == !isProblem)
    }

    @Test func passwords() async throws {
        let server = try await RedisServer()
        #expect(try await Self.report(server.url, password: "unasked").problems.first?.contains("the server has none") == true)
        let closed = try await Self.report("redis://127.0.0.1:\(RedisServer.freePort())")
        #expect(closed.problems.first?.contains("nothing listens there") == true)
        let locked = try await RedisServer(["--requirepass", "right"])
        #expect(try await Self.report(locked.url, password: "wrong").problems.first?.contains("password of the user default") == true)
        #expect(try await Self.report(locked.url, password: "right").isUsable)
    }

    @Test(arguments: [
        ("+@all -evalsha", "EVALSHA; add +evalsha"), ("+@all -hset", "HSET; add +hset"), ("+@all -info", "INFO; add +info"),
        ("+@all -publish", "PUBLISH; add +publish"), ("+@all resetkeys ~other:*", "access the key; add ~apus:*"),
        ("+@all resetchannels", "use the channel; add &apus:*"),
    ])
    func permissions(rules: String, words: String) async throws {
        let server = try await RedisServer()
        try server.command(["ACL", "SETUSER", "mta", "on", ">pw", "~*", "&*"] + rules.split(separator: " ").map(String.init))
        let report = try await Self.report(server.url, username: "mta", password: "pw")
        #expect(
            report.problems.count == 1
                && report.problems[0].contains(
                    "the user mta may not \(words.hasPrefix("use") || words.hasPrefix("access") ? "" : "run ")\(words)"),
            "\(report)")
        #expect(try server.command(["DBSIZE"]) == ":0\r\n")
    }

    @Test func withoutMultiNothingIsExecuted() async throws {
        let server = try await RedisServer()
        try server.command(["ACL", "SETUSER", "mta", "on", ">pw", "~*", "&*", "+@all", "-multi"])
        let report = try await Self.report(server.url, username: "mta", password: "pw")
        #expect(report.isUsable && report.warnings.contains { $0.contains("MULTI; add +multi") }, "\(report)")
        #expect(try server.command(["DBSIZE"]) == ":0\r\n")
    }

    @Test func aMissingPermissionIsNamedByTheCall() async throws {
        let server = try await RedisServer()
        try server.command(["ACL", "SETUSER", "mta", "on", ">pw", "~*", "&*", "+@all", "-evalsha"])
        try await TestClient.with([server.url], username: "mta", password: "pw") { client async throws in
            try await client.expectReady()
            guard case .failure(.server(let text)) = try await client.script(RedisScript("return 1"), ["k"]) else {
                Issue.record("allowed")
                return
            }
            #expect(text.contains("NOPERM") && text.contains("evalsha"))
        }
    }

    @Test func strangers() async throws {
        let silent = try await Stranger.start { _ in nil }
        let report = try await TestClient.with(["redis://127.0.0.1:\(silent.port)"], starts: false) { client async throws in
            let quick = try RedisConfiguration(urls: ["redis://127.0.0.1:\(silent.port)"], connectTimeout: .milliseconds(100))
            let other = RedisClient(quick, name: "x", eventLoop: client.client.eventLoop)
            return await other.check()
        }
        #expect(report.problems.first?.contains("no answer in time") == true, "\(report)")
        await silent.stop()
        let web = try await Stranger.start { _ in "HTTP/1.1 400 Bad Request\r\n\r\n" }
        let other = try await Self.report("redis://127.0.0.1:\(web.port)")
        #expect(other.problems.first?.contains("not the protocol of Redis") == true, "\(other)")
        await web.stop()
    }
}

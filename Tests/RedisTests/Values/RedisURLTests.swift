import TestSupport
import Testing

@testable import Redis

@Suite struct RedisURLTests {
    @Test(arguments: [
        ("redis://h", "redis://h:6379"),
        ("REDIS://h:1/", "redis://h:1"),
        ("redis://10.0.0.1:7000/3", "redis://10.0.0.1:7000/3"),
        ("redis://[::1]:7000", "redis://[::1]:7000"),
        ("redis://[2001:db8::1]/15", "redis://[2001:db8::1]:6379/15"),
        ("redis://:pw@h", "redis://:***@h:6379"),
        ("redis://u:p%40%2f@h", "redis://u:***@h:6379"),
        ("redis://u:a@b@h", "redis://u:***@h:6379"),
        ("redis+sentinel://a,b:5/mymaster", "redis+sentinel://a:26379,b:5/mymaster"),
        ("redis+sentinel://:x@a/my%20master/2", "redis+sentinel://:***@a:26379/my master/2"),
        ("redis-cluster://a:1,b,[::2]:3", "redis-cluster://a:1,b:6379,[::2]:3"),
        ("redis-cluster://a/0", "redis-cluster://a:6379"),
    ])
    func accepted(url: String, redacted: String) throws { #expect(try RedisConfiguration(urls: [url]).redactedText == redacted) }

    @Test func credentialsAreDecoded() throws {
        let credentials = try RedisConfiguration(urls: ["redis://u%3a:p%40%2f%25:x@h"]).credentials
        #expect(credentials == RedisCredentials(username: "u:", password: "p@/%:x"))
        #expect(!"\(String(describing: credentials))\(String(reflecting: credentials))".contains("p@"))
        var dumped = ""
        dump(credentials, to: &dumped)
        #expect(!dumped.contains("p@"))
        #expect(try RedisConfiguration(urls: ["redis://u@h"], password: "s").credentials == RedisCredentials(username: "u", password: "s"))
        #expect(try RedisConfiguration(urls: ["redis://h"], password: "s").credentials == RedisCredentials(username: nil, password: "s"))
    }

    @Test func listsAreClusters() throws {
        #expect(try RedisConfiguration(urls: ["redis://a", "redis://b:1"]).redactedText == "redis-cluster://a:6379,b:1")
        #expect(try RedisConfiguration(urls: ["redis://a"], cluster: true).redactedText == "redis-cluster://a:6379")
        #expect(try RedisConfiguration(urls: ["redis://:x@a", "redis://:x@b"]).redactedText == "redis-cluster://:***@a:6379,b:6379")
    }

    /// Each refusal names what is at fault, and never shows the password.
    @Test(arguments: [
        (["rediss://u:secret@h"], "TLS"),
        (["rediss+sentinel://u:secret@h/m"], "TLS"),
        (["unix:///run/redis.sock"], "Unix sockets"),
        (["redis+unix:///run/redis.sock"], "Unix sockets"),
        (["h:6379"], "no scheme"),
        (["http://u:secret@h"], "unknown scheme"),
        (["redis://"], "empty host"),
        (["redis://u:secret@"], "empty host"),
        (["redis://u:secret@h:0"], "port"),
        (["redis://u:secret@h:65536"], "port"),
        (["redis://u:secret@h:x"], "port"),
        (["redis://::1:6379"], "empty host"),
        (["redis://[::1"], "without ]"),
        (["redis://[h]"], "IPv6"),
        (["redis://h h"], "space"),
        (["redis://h\u{7}"], "control"),
        (["redis://h/x"], "database"),
        (["redis://h/1/2"], "database"),
        (["redis://h/-1"], "database"),
        (["redis://h?db=1"], "query"),
        (["redis://u:secret#@h"], "query or fragment"),
        (["redis://u:sec/ret@h"], "slash"),
        (["redis://u:secret%4@h"], "password"),
        (["redis://u%zz:secret@h"], "user name"),
        (["redis://u@h"], "without a password"),
        (["redis://u:@h"], "password for Redis is empty"),
        (["redis://a,b"], "several hosts"),
        (["redis://h_!"], "neither a name nor an address"),
        (["redis+sentinel://a,b"], "master"),
        (["redis+sentinel://a,,b/m"], "empty host"),
        (["redis+sentinel://a/m", "redis+sentinel://b/m"], "no Sentinels"),
        (["redis-cluster://a/1"], "database 0"),
        (["redis://:secret@a", "redis://:secret2@b"], "different passwords"),
        (["redis://a:secret@a", "redis://b:secret@b"], "different user names"),
        ([], "no Redis URL"),
        (["redis://" + String(repeating: "h", count: 256)], "neither"),
        (["redis://" + String(repeating: "h", count: 9_000)], "longer"),
        (["redis-cluster://" + Array(repeating: "h", count: 65).joined(separator: ",")], "more than 64"),
    ])
    func refused(urls: [String], part: String) {
        do {
            let configuration = try RedisConfiguration(urls: urls)
            Issue.record("accepted: \(configuration.redactedText)")
        } catch {
            #expect(error.description.contains(part), "\(error)")
            #expect(!error.description.contains("secret"), "\(error)")
            #expect(!error.remedy.isEmpty)
        }
    }

    @Test func contradictionsOfOptions() {
        #expect(throws: RedisError.self) { try RedisConfiguration(urls: ["redis+sentinel://a/m"], cluster: true) }
        #expect(throws: RedisError.self) { try RedisConfiguration(urls: ["redis://:a@h"], password: "b") }
        #expect(throws: RedisError.self) { try RedisConfiguration(urls: ["redis://h"], commandTimeout: .zero) }
        #expect(throws: RedisError.self) { try RedisConfiguration(urls: ["redis://h"], connectTimeout: .seconds(-1)) }
    }

    /// Any bytes: an answer or an error, never a trap.
    @Test func mutations() {
        var random = SeededGenerator(seed: 11)
        let base = ["redis://u:p@[::1]:6379/3", "redis+sentinel://:x%20@a:1,b/m/2", "redis-cluster://a,b:2"]
        for _ in 0..<20_000 {
            var bytes = Array(base.randomElement(using: &random)!.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = Array("@:/%[],?# \0aZ9\u{80}".utf8).randomElement(using: &random)!
                case 1: bytes.remove(at: index)
                default: bytes.insert(bytes[index], at: index)
                }
                if bytes.isEmpty { bytes = [0x72] }
            }
            if let configuration = try? RedisConfiguration(urls: [String(decoding: bytes, as: UTF8.self)]) {
                #expect(!configuration.redactedText.isEmpty)
            }
        }
    }
}

import Shaping
import Testing

@testable import Options

@Suite struct RedisConfigTests {
    @Test func defaults() throws {
        let config = try RedisThrottleConfig(["node": "redis://127.0.0.1/"])
        #expect(config.server.urls == ["redis://127.0.0.1/"] && !config.server.isCluster)
        #expect(config.server.username == nil && config.server.password == nil && config.server.poolSize == 10)
        #expect(config.server.connectTimeout == nil && config.server.waitTimeout == nil && config.server.responseTimeout == nil)
        #expect(config.server.recycleTimeout == nil && !config.server.readFromReplicas)
        #expect(config.prefix == "apus" && config.onStoreLoss == .closed && config.zone == nil && config.advertise == nil)
        #expect(config.shareTTL == .seconds(60) && config.permitTTL == .seconds(15) && config.crashHold == .zero)
        #expect(config.quantum == .seconds(30) && config.quantumMessages == 100 && config.horizon == .seconds(1) && config.buckets == 4)
        #expect(!config.startsWithoutStore && !config.trustsRefusal)
    }

    @Test(
        arguments: [
            ("redis://user:pw@h:6379/3", false), ("redis+sentinel://a:26379,b:26379/mymaster/0", false),
            ("redis-cluster://a:7000,b", false),
            (["redis://a"], false), (["redis://a", "redis://b:7001"], true),
        ] as [(ConfigValue, Bool)])
    func nodes(node: ConfigValue, isCluster: Bool) throws {
        let server = try RedisServerConfig(["node": node])
        #expect(server.isCluster == isCluster)
        #expect(server.urls == (node.stringValue.map { [$0] } ?? node.listValue?.compactMap(\.stringValue)))
        #expect(try RedisServerConfig(["node": node, "cluster": true]).isCluster)
    }

    /// What is wrong with a URL is said without the URL.
    @Test(
        arguments: [
            ("10.9.8.7:6379", "must start with a scheme"), ("rediss://:SECRET@10.9.8.7", "asks for TLS"),
            ("rediss+sentinel://:SECRET@a/m", "asks for TLS"), ("unix:///SECRET", "a Unix socket"),
            ("redis+unix:///SECRET", "a Unix socket"),
            ("http://SECRET@10.9.8.7", "a scheme that is not supported"), ("Redis://SECRET@h", "a scheme that is not supported"),
            ("redis://", "must name a host"), ("redis://h SECRET", "without spaces"), ("redis://SECRET\r\nFLUSHALL", "without spaces"),
            ("redis://\u{e4}SECRET", "ASCII"), ("", "must be a URL"), (["redis://h", 5], "a URL or a list of URLs"), ([], "1 to 64 URLs"),
            (["x": "redis://SECRET"], "1 to 64 URLs"), (5, "1 to 64 URLs"), (nil, "is required"),
            (.list(.init(repeating: "redis://SECRET", count: 65)), "1 to 64 URLs"),
            (.string("redis://SECRET" + String(repeating: "x", count: 3000)), "at most 2048"),
        ] as [(ConfigValue, String)])
    func badNodes(node: ConfigValue, text: String) {
        let error = #expect(throws: ConfigError.self) { try RedisThrottleConfig(["node": node]) }
        #expect(error?.message.hasPrefix("redis throttles: option 'node' ") == true)
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("SECRET") == false && error?.message.contains("10.9.8.7") == false)
        #expect(error?.message.utf8.contains(0x0D) == false)
    }

    @Test(
        arguments: [
            ("prefix", "", "1 to 64 letters"), ("prefix", "a{b}", "1 to 64 letters"), ("prefix", "a b", "1 to 64 letters"),
            ("on_store_loss", "open", "share, closed, local or floor"), ("on_store_loss", "flor:1/s", "did you mean 'floor'?"),
            ("on_store_loss", true, "share, closed, local or floor"), ("share_ttl", "1s", "from 5s to 1d"),
            ("permit_ttl", 5, "from 6s to 10m"),
            ("permit_ttl", "1h", "from 6s to 10m"), ("crash_hold", "2h", "from 0s to 1h"), ("quantum", 0, "from 1s to 1h"),
            ("quantum_messages", 0, "from 1 to 1000000"), ("zone", "", "1 to 64 bytes"), ("advertise", "10.0.0.7", "HOST:PORT"),
            ("advertise", "0.0.0.0:8000", "HOST:PORT"), ("advertise", "[::]:8000", "HOST:PORT"), ("advertise", "h:0", "HOST:PORT"),
            ("horizon", "1ms", "from 800ms to 10s"), ("pool_size", 0, "from 1 to 1024"), ("connect_timeout", "2h", "from 1ms to 1h"),
            ("sharettl", 1, "did you mean 'share_ttl'?"), ("nodes", "redis://h", "did you mean 'node'?"),
            ("on_store_lost", "share", "did you mean 'on_store_loss'?"),
        ] as [(String, ConfigValue, String)])
    func refusals(option: String, value: ConfigValue, text: String) {
        let error = #expect(throws: ConfigError.self) { try RedisThrottleConfig(["node": "redis://h", option: value]) }
        #expect(error?.message.contains(text) == true && error?.message.contains("option '\(option)'") == true, "\(error?.message ?? "")")
    }

    /// Neither an error, nor a description, nor a dump shows a credential.
    @Test func credentialsAreNotShown() throws {
        for value in ["SECRET\u{0}", String(repeating: "SECRET", count: 1000)] {
            for option in ["username", "password"] {
                let error = #expect(throws: ConfigError.self) { try RedisServerConfig(["node": "redis://h", option: .string(value)]) }
                #expect(error?.message.contains("SECRET") == false && error?.message.contains(option) == true)
            }
        }
        let config = try RedisThrottleConfig(["node": "redis://u:SECRET@h", "username": "SECRET", "password": "SECRET"])
        #expect(config.server.password == "SECRET")
        var dumped = ""
        dump(config, to: &dumped)
        for text in ["\(config)", "\(config.server)", String(reflecting: config), String(reflecting: [config.server]), dumped] {
            #expect(!text.contains("SECRET") && text.contains("1 URL"), "\(text)")
        }
    }
}

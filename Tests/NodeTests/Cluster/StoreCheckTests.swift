import Foundation
import RedisFixture
import TestSupport
import Testing

@testable import Delivery
@testable import Node
@testable import Resources

extension ClusterControlTests {
    /// What a node says at its start about a Redis that is wrong for limits.
    @Suite(.serialized, .timeLimit(.minutes(8))) struct StoreCheckTests {
        /// A store that is refused. *Value.*
        struct Refusal: Sendable, CustomTestStringConvertible {
            /// Options of the server.
            var server: [String] = []
            /// A command for it.
            var command: [String] = []
            /// The URL; `PORT` is replaced.
            var url = "redis://127.0.0.1:PORT"
            /// More options of `configure_redis_throttles`.
            var options = ""
            var says: [String]

            var testDescription: String { says[0] }
        }

        private static let user = ["ACL", "SETUSER", "mta", "on", ">secret", "~*", "&*", "+@all", "-evalsha"]

        static let refusals = [
            Refusal(
                server: ["--requirepass", "right"], url: "redis://:secret@127.0.0.1:PORT",
                says: ["does not accept the password of the user default", "correct the password"]),
            Refusal(server: ["--requirepass", "right"], says: ["asks for a password", "redis://:password@host"]),
            Refusal(
                command: user, options: "username = 'mta', password = 'secret'",
                says: ["the user mta may not run EVALSHA", "add +evalsha"]),
            Refusal(
                server: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"], says: ["allkeys-lru may drop limits", "noeviction"]),
            Refusal(server: ["--replicaof", "127.0.0.1 1"], says: ["is a replica", "name the master"]),
            Refusal(server: ["--cluster-enabled", "yes"], says: ["member of a Redis Cluster", "use redis-cluster://"]),
            Refusal(url: "rediss://:secret@127.0.0.1:PORT", says: ["TLS", "use redis://"]),
            Refusal(url: "http://:secret@127.0.0.1:PORT", says: ["scheme", "redis://"]),
            Refusal(url: "redis://127.0.0.1:PORTx", says: ["has a port that is not a number"]),
            Refusal(url: "redis://127.0.0.1:PORT/first", says: ["not the number of a database"]),
            Refusal(options: "permit_ttl = '1s'", says: ["permit_ttl", "6"]),
        ]

        private static func policy(_ refusal: Refusal, _ store: RedisServer) -> String {
            var plan = ClusterPlan()
            plan.throttles = refusal.options
            return ClusterRig.policy(plan, store: refusal.url.replacingOccurrences(of: "PORT", with: "\(store.port)"), sink: 1)
        }

        @Test(arguments: refusals) func aStoreThatIsWrongRefusesTheStart(_ refusal: Refusal) async throws {
            let store = try await RedisServer(refusal.server)
            if !refusal.command.isEmpty { try store.command(refusal.command) }
            do {
                let member = try await ClusterMember.start("n0", policy: Self.policy(refusal, store))
                await member.stop()
                Issue.record("the node started")
            } catch {
                let text = "\(error)"
                for part in refusal.says { #expect(text.contains(part), "\(text)") }
                #expect(text.contains("configure_redis_throttles") || text.contains("redis throttles"), "not said where: \(text)")
                #expect(!text.contains("secret") && !text.contains("\n"), "\(text)")
            }
        }

        /// The same stores, for those who prefer a node without its limits to none.
        @Test(arguments: [0, 2, 3]) func startWithoutStoreStartsAllTheSame(_ index: Int) async throws {
            var refusal = Self.refusals[index]
            let store = try await RedisServer(refusal.server)
            if !refusal.command.isEmpty { try store.command(refusal.command) }
            refusal.options += (refusal.options.isEmpty ? "" : ", ") + "start_without_store = true"
            let member = try await ClusterMember.start("n0", policy: Self.policy(refusal, store))
            try await member.load(3, to: "example.com")
            #expect(member.metric("message_count") == 3)
            await member.stop()
        }

        @Test func theURLOfTheCommandLineCountsMoreAndIsNamed() async throws {
            let folder = TestFolder()
            folder.write("init.lua", "")
            var options = NodeOptions(policyFile: folder.file("init.lua"))
            options.spoolDirectory = folder.file("spool")
            options.redisURL = "rediss://:secret@127.0.0.1:6379"
            await #expect(throws: NodeError.self) { try await Node.start(options) }
            do { _ = try await Node.start(options) } catch {
                #expect("\(error)".hasPrefix("--redis: ") && "\(error)".contains("TLS") && !"\(error)".contains("secret"), "\(error)")
            }
        }
    }
}

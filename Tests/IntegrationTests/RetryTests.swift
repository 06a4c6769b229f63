import Foundation
import Glibc
import Sink
import Testing

extension IntegrationTests {
    /// A destination that is away for a while.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct RetryTests {
        @Test func attemptsSurviveRestarts() async throws {
            try await Scratch.with("retry") { scratch in
                let record = scratch.file("record")
                let absent = try await Sink.local()
                let port = absent.port
                await absent.stop()
                var policy = Policy(sink: port)
                policy.queueOptions = "retry_interval='1s', max_retry_interval='1s'"
                policy.more = "kumo.configure_local_logs{log_dir='\(scratch.file("logs"))', max_segment_duration='1 hour'}"

                var node = try scratch.node(policy)
                let wire = try Wire.session(port: node.smtp)
                for index in 0..<5 { #expect(try wire.transaction(id: "r\(index)@t", to: "x@down.test").code == 250) }
                let waiting = try Self.queue(node, "down.test") { $0["last_reply"] is String && ($0["scheduled"] as? Int) == 5 }
                print("retry: /api/queues says \(waiting)")
                #expect((waiting["last_reply"] as? String)?.hasPrefix("4") == true)
                #expect(waiting["next_due"] is String)
                Now.sleep(2.5)
                #expect(node.stop().ending == .exited(0))
                let first = try Self.attempts(scratch)
                #expect(first.count == 5)
                #expect(first.values.allSatisfy { ($0.max() ?? 0) >= 2 }, "\(first)")

                node = try scratch.node(policy)
                // What the peer said last is known before anything is tried again.
                let recovered = try Self.queue(node, "down.test") { $0["last_reply"] is String }
                #expect(recovered["last_reply"] is String)
                _ = try Self.queue(node, "down.test") { ($0["scheduled"] as? Int) == 5 }
                Now.sleep(2.5)
                #expect(node.stop().ending == .exited(0))
                let second = try Self.attempts(scratch)
                for (id, before) in first {
                    let all = second[id] ?? []
                    #expect(all.count > before.count, "no attempt of \(id) after the restart")
                    #expect(all == Array(1...all.count), "attempts of \(id) are counted anew: \(all)")
                }

                // kill -9: the attempts committed at most 50 ms after they happened survive as well.
                node = try scratch.node(policy)
                Now.sleep(1.5)
                node.program.signal(SIGKILL)
                #expect(node.program.wait(5) == .killed(Int(SIGKILL)))
                let sink = try await Sink.local(port, record: record)
                node = try scratch.node(policy)
                let isEmpty = try node.becomesEmpty(within: 20)
                #expect(isEmpty)
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
                #expect(Set(try Arrivals([record]).times.keys) == Set((0..<5).map { "r\($0)@t" }))
                let delivered = try Logs.records(scratch.file("logs"), scratch).filter { $0["type"] as? String == "Delivery" }
                #expect(delivered.count == 5)
                for entry in delivered {
                    let id = entry["id"] as? String ?? ""
                    #expect(
                        (entry["num_attempts"] as? Int ?? 0) > (second[id]?.max() ?? .max), "the delivery's attempt follows the failed ones"
                    )
                }
            }
        }

        /// Per message the attempts of its TransientFailure records, in order.
        private static func attempts(_ scratch: Scratch) throws -> [String: [Int]] {
            var found: [String: [Int]] = [:]
            for entry in try Logs.records(scratch.file("logs"), scratch) where entry["type"] as? String == "TransientFailure" {
                found[entry["id"] as? String ?? "", default: []].append(entry["num_attempts"] as? Int ?? -1)
            }
            return found.mapValues { $0.sorted() }
        }

        private static func queue(_ node: RunningNode, _ name: String, _ condition: ([String: Any]) -> Bool) throws -> [String: Any] {
            var entry: [String: Any] = [:]
            let found = try eventually(within: 10) {
                entry = try node.get("/api/queues").list.first { $0["queue"] as? String == name } ?? [:]
                return condition(entry)
            }
            if !found { Issue.record("the queue \(name) does not come to the expected state: \(entry)") }
            return entry
        }
    }
}

import Client
import Cluster
import Message
import NIOCore
import Options
import Shaping
import Sink
import TestSupport
import Testing

@testable import API
@testable import Control
@testable import Delivery
@testable import Node
@testable import Resources

/// `explain`: the sentences, and the question to the other members.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ExplainTests {
    private static func member(_ name: String, _ address: String, _ status: MemberRecord.Status = .alive) -> MemberRecord {
        var record = SingleNodeView(node: name, spool: "", state: NodeState()).members()[0]
        record.address = address
        record.status = status
        return record
    }

    @Test func aQueueAPathAndAMessageSayWhyTheyWait() async throws {
        var plan = RigPlan(queue: "retry_interval = '1h'", rules: ["rcpt=450 4.2.1 try later"])
        plan.path = "prohibited_hosts = {}, max_message_rate = '1/hour'"
        try await Rig.run(plan) { rig in
            for index in 0..<3 { try rig.send(to: "u@example.com", id: "m\(index)") }
            try await expectEventually("one was tried") { await rig.queue("example.com")?.lastReply != nil }
            try await expectEventually("the rest waits") { await rig.queue("example.com")?.active == 2 }
            let queue = await rig.node.explainer.explain(.queue("example.com"), cluster: false)
            #expect(queue.subject == "queue example.com" && queue.answers.count == 1 && queue.answers[0].found)
            let text = queue.answers[0].sentences.joined(separator: "\n")
            #expect(
                text.contains("1 message waits here") && text.contains("2 are ready") && text.contains("max_message_rate 1/"), "\(text)")
            #expect(text.contains("450"), "\(text)")

            let name = try #require(rig.node.services.paths.all.first?.name)
            let path = await rig.node.explainer.explain(.path(name), cluster: false).answers[0]
            #expect(path.found && path.sentences.contains { $0.contains("2 messages are ready") }, "\(path)")
            #expect(path.sentences.contains { $0.contains("It waits for: max_message_rate") }, "\(path)")

            var ids: [MessageID] = []
            for shard in rig.node.shards.all { ids += await shard.readyMessages() }
            let last = try #require(ids.last)
            let message = await rig.node.explainer.explain(.message(last), cluster: false).answers[0]
            #expect(
                message.found && message.sentences.contains { $0.contains("It is number 2 of 2 in the ready queue of path \(name)") },
                "\(message)")
            #expect(message.sentences.contains { $0.contains("has had 0 attempts") })

            try rig.rule(.suspend, ControlScope(domain: "example.com"), reason: "asked", lasts: .seconds(600))
            try await expectEventually("back") { await rig.queue("example.com")?.scheduled == 3 }
            let held = await rig.node.explainer.explain(.message(last), cluster: false).answers[0]
            #expect(held.sentences.contains { $0.contains("It waits in queue example.com") }, "\(held)")
            #expect(held.sentences.contains { $0.contains("suspended: asked (by tester") && $0.contains("apus resume") }, "\(held)")
        }
    }

    @Test func whatIsNotHereIsSaidToBeNotHere() async throws {
        try await Rig.run(RigPlan()) { rig in
            let rule = try rig.rule(.suspend, ControlScope(domain: "nowhere.test"))
            let queue = await rig.node.explainer.explain(.queue("nowhere.test"), cluster: false).answers[0]
            #expect(!queue.found && queue.sentences.contains { $0.contains(rule.id) }, "\(queue)")
            #expect(await !rig.node.explainer.explain(.path("a->b@smtp_client"), cluster: false).answers[0].found)
            #expect(await !rig.node.explainer.explain(.message(MessageID(high: 1, low: 2)), cluster: false).answers[0].found)
        }
    }

    @Test func theOthersAreAskedAndThoseThatDoNotAnswerAreNamed() async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.pause("example.com")
            try rig.send(to: "u@example.com")
            try await expectEventually("held") { await rig.queue("example.com")?.scheduled == 1 }
            try await Rig.run(RigPlan()) { other in
                let server = rig.node.httpServer(try HTTPListenerConfig(["listen": .string("127.0.0.1:0")]))
                let (addresses, bound) = AsyncStream.makeStream(of: String.self)
                let serving = Task { try await server.run { bound.yield($0) } }
                var iterator = addresses.makeAsyncIterator()
                let address = try #require(await iterator.next(isolation: #isolation))
                #expect(rig.node.clusterView.members().map(\.address) == [address])
                let silent = try RawServer()
                let peers = [
                    Self.member("a", address), Self.member("b", "127.0.0.1:1"), Self.member("c", "127.0.0.1:\(silent.port)"),
                    Self.member("d", ""), Self.member("e", "127.0.0.1:1", .gone),
                    Self.member(other.node.services.control.node, "127.0.0.1:1"),
                ]
                let start = ContinuousClock.now
                let explanation = await other.node.explainer.explain(.queue("example.com"), peers: peers)
                // Two seconds and what a busy machine takes; without an end to the waiting it would not come back.
                #expect(ContinuousClock.now - start < .seconds(60))
                #expect(explanation.answers.map(\.found) == [false, true], "\(explanation.unanswered)")
                #expect(explanation.answers[1].sentences.contains { $0.contains("1 message waits here") })
                #expect(explanation.unanswered.map(\.node) == ["b", "c", "d"])
                #expect(explanation.unanswered[1].reason.contains("within 2 s"))
                serving.cancel()
                _ = try? await serving.value
            }
        }
    }

    @Test func limitsOfANodeAlone() async throws {
        var plan = RigPlan(queue: "max_message_rate = '100/s'")
        plan.path = "prohibited_hosts = {}, max_message_rate = '1/hour', additional_connection_limits = { shared = 3 }"
        try await Rig.run(plan) { rig in
            for index in 0..<3 { try rig.send(to: "u@example.com", id: "m\(index)") }
            try await expectEventually("one went") { rig.counters.messages == 1 }
            try await expectEventually("the rest waits") { await rig.queue("example.com")?.active == 2 }
            let limits = await rig.node.clusterView.limits(cluster: true)
            let rate = try #require(limits.first { $0.limit.hasPrefix("kumomta.max_message_rate.") })
            #expect(rate.kind == "rate" && rate.mode == "local" && rate.waiting == 1 && rate.wants == 2 && rate.used == nil, "\(rate)")
            let shared = try #require(limits.first { $0.limit == "shared" })
            #expect(
                shared.kind == "connections" && shared.value == "3" && shared.used == shared.held && (1...3).contains(shared.held),
                "\(shared)")
            #expect(limits.contains { $0.limit == "schedq-example.com-message-rate" })
        }
    }
}

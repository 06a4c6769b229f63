import Client
import Cluster
import Options
import Shaping
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node
@testable import Resources

extension ClusterControlTests {
    /// Rules that one node issues and all obey.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct SharedRuleTests {
        private static func knowEachOther(_ rig: ClusterRig) async throws {
            let names = Set(rig.members.map(\.name))
            try await expectEventually("the nodes see each other", within: .seconds(20)) { rig.members.allSatisfy { $0.living == names } }
        }

        @Test func aSuspensionStopsAllNodesAndStays() async throws {
            try await ClusterRig.run(ClusterPlan(rules: ["dot=delay=30ms"])) { rig in
                let (first, second) = (rig.members[0], rig.members[1])
                try await Self.knowEachOther(rig)
                for member in rig.members { try await member.load(400, to: "example.com") }
                try await expectEventually("both deliver") { await rig.arrivals().nodes.count == 2 }
                let issued = Clock.monotonic()
                let rule = try first.rule(.suspend, ControlScope(domain: "example.com"))
                try await expectEventually("the other node obeys", within: .seconds(1)) {
                    guard second.control.entry(id: rule.id) != nil else { return false }
                    return await second.queue("example.com")?.state == "paused"
                }
                #expect(second.control.entry(id: rule.id)?.issuer == rule.issuer && second.control.entry(id: rule.id)?.reason == "because")
                // What a connection is sending is finished; two on each of four connections.
                try await expectEventually("the connections fall silent", within: .seconds(3)) {
                    let count = rig.counters.messages
                    try await Task.sleep(for: .milliseconds(300))
                    return rig.counters.messages == count
                }
                let late = await rig.arrivals().filter { $0.time > issued + 1_000_000_000 }
                #expect(late.count == 0, "\(late.count) messages left more than a second after the order")
                let sent = rig.counters.messages

                // All at once, so that nobody can hear it from another one; the last one was never there before.
                for member in rig.members { await member.stop() }
                for member in rig.members { try await member.start() }
                let third = try await rig.add()
                try await expectEventually("a new node learns of it", within: .seconds(10)) { third.control.entry(id: rule.id) != nil }
                try await third.load(20, to: "example.com")
                for member in rig.members {
                    try await expectEventually("\(member.name) holds it") { await member.queue("example.com")?.state == "paused" }
                    #expect(member.control.entries(of: .suspend).map(\.id) == [rule.id])
                }
                #expect(rig.counters.messages == sent)

                #expect(try third.control.remove(id: rule.id, issuer: "tester"))
                try await expectEventually("all go on", within: .seconds(2)) {
                    var states: [String?] = []
                    for member in rig.members { states.append(await member.queue("example.com")?.state) }
                    return !states.contains("paused")
                }
                try await expectEventually("delivered", within: .seconds(60)) { rig.counters.messages == 820 }
                #expect(await rig.arrivals().recipients.count == 820, "every message once")
            }
        }

        @Test func bouncesAndRebindsReachTheOtherNode() async throws {
            var plan = ClusterPlan()
            plan.policy = """
                kumo.on('smtp_server_message_received', function(msg)
                  if msg:recipient().domain == 'example.com' then msg:set_meta('tenant', 'gold') end
                end)
                """
            try await ClusterRig.run(plan) { rig in
                let (first, second) = (rig.members[0], rig.members[1])
                try await Self.knowEachOther(rig)
                for name in ["gold@example.com", "silver@example.com", "twin.test"] {
                    try first.rule(.suspend, ControlScope(queues: [name]))
                }
                try await expectEventually("the suspensions") { second.control.entries(of: .suspend).count == 3 }
                for member in rig.members {
                    try await member.load(15, to: "example.com")
                    try await member.load(10, to: "twin.test")
                }
                try await expectEventually("they wait") {
                    let (gold, twin) = (await second.queue("gold@example.com"), await second.queue("twin.test"))
                    return gold?.scheduled == 15 && twin?.scheduled == 10
                }
                let data = Rebind.payload(data: ["tenant": .string("silver")], alwaysFlush: false, suppressLogging: false)
                try first.rule(.rebind, ControlScope(tenant: "gold"), payload: data)
                try first.rule(.bounce, ControlScope(domain: "twin.test"))
                for member in rig.members {
                    try await expectEventually("rebound on \(member.name)", within: .seconds(5)) {
                        await member.queue("silver@example.com")?.scheduled == 15
                    }
                    try await expectEventually("bounced on \(member.name)", within: .seconds(5)) { member.metric("message_count") == 15 }
                }
                #expect(rig.counters.messages == 0)
                for member in rig.members {
                    let records = try await member.records()
                    #expect(records.filter { $0.type == "AdminBounce" }.count == 10)
                    #expect(records.filter { $0.type == "AdminRebind" }.count == 15)
                }
            }
        }

        /// Both sides of a partition issue rules; each learns of the other's when it is over.
        @Test func aNodeThatWasCutOffCatchesUp() async throws {
            var plan = ClusterPlan(rules: ["dot=delay=30ms"])
            plan.proxied = 1
            try await ClusterRig.run(plan) { rig in
                let (first, second) = (rig.members[0], rig.members[1])
                try await Self.knowEachOther(rig)
                let former = try first.rule(.suspend, ControlScope(tenant: "ended"))
                try await expectEventually("the former rule") { second.control.entry(id: former.id) != nil }
                try #require(rig.proxy).cut()
                let rule = try first.rule(.suspend, ControlScope(domain: "example.com"))
                #expect(try first.control.remove(id: former.id, issuer: "tester"))
                let other = try second.rule(.suspend, ControlScope(domain: "twin.test"))
                for member in rig.members { try await member.load(30, to: member.name == "n0" ? "twin.test" : "example.com") }
                try await expectEventually("each acts on what it knows") { rig.counters.messages >= 4 }
                #expect(second.control.entry(id: rule.id) == nil && second.control.isPending(id: other.id))
                #expect(second.control.entry(id: former.id) != nil)

                try #require(rig.proxy).mend()
                try await expectEventually("both catch up", within: .seconds(20)) {
                    let ids: Set<String> = [rule.id, other.id]
                    return rig.members.allSatisfy { Set($0.control.entries(of: .suspend).map(\.id)) == ids }
                }
                #expect(!second.control.isPending(id: other.id))
                for member in rig.members {
                    try await member.load(5, to: "example.com")
                    try await member.load(5, to: "twin.test")
                    for name in ["example.com", "twin.test"] {
                        try await expectEventually("held on \(member.name)") { await member.queue(name)?.state == "paused" }
                    }
                }
            }
        }
    }
}

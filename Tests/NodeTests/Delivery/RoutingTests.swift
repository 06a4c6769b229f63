import Client
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// Where mail goes, with a node and a sink in this process.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RoutingTests {
    @Test func domainsOfOneHostShareAPath() async throws {
        let records = try await Rig.run(RigPlan()) { rig in
            let client = try rig.client()
            for index in 0..<6 {
                let domain = index % 2 == 0 ? "example.com" : "twin.test"
                let reply = try client.deliver(to: ["u\(index)@\(domain)"], id: "m\(index)")
                #expect(reply.hasPrefix("250 OK ids="), "\(reply)")
            }
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 6 }
            #expect(rig.node.services.paths.all.map(\.name) == ["unspecified->mx.example.com@smtp_client"])
            #expect(Set(await rig.received().map(\.id)) == Set((0..<6).map { "<m\($0)>" }))
            #expect(await rig.queue("twin.test")?.delivered == 3)
            return try await rig.records()
        }
        #expect(records.count { $0.type == "Reception" } == 6)
        let deliveries = records.filter { $0.type == "Delivery" }
        #expect(deliveries.count == 6)
        #expect(
            deliveries.allSatisfy {
                $0.site == "unspecified->mx.example.com@smtp_client" && $0.response.code == 250 && $0.num_attempts == 1
            })
        #expect(Set(deliveries.map(\.queue)) == ["example.com", "twin.test"])
    }

    @Test(arguments: [
        ("implicit.test", "implicit.test"), ("[127.0.0.1]", "[127.0.0.1]"), ("backup.test", "(dead.backup.test|mx.example.com)"),
    ])
    func otherWaysToAHost(_ domain: String, _ site: String) async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.send(to: "u@\(domain)")
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 1 }
            #expect(rig.node.services.paths.all.map(\.site) == [site])
            #expect(rig.metric("total_messages_transfail") == 0)
        }
    }

    @Test func aStaticListNeedsNoDNS() async throws {
        var plan = RigPlan(queue: "protocol = { smtp = { mx_list = { '127.0.0.1:' .. SINK } } }")
        plan.path = "prohibited_hosts = {}, connection_limit = 3"
        try await Rig.run(plan) { rig in
            try rig.send(to: "u@not-in-the-dns.test")
            try await expectEventually("delivered") { rig.counters.messages == 1 }
        }
    }

    @Test func aNullMXBounces() async throws {
        let records = try await Rig.run(RigPlan()) { rig in
            try rig.send(to: "u@null.test")
            try await expectEventually("bounced") { rig.metric("total_messages_fail") == 1 }
            try await expectEventually("nothing is left") { await rig.queued() == 0 }
            return try await rig.records("Bounce")
        }
        #expect(records.map(\.response.code) == [556])
        #expect(records.first?.response.enhanced == "5.1.10")
        #expect(records.first?.response.content == "Recipient address has a null MX")
    }

    @Test func anUnknownDomainIsTransient() async throws {
        let records = try await Rig.run(RigPlan(queue: "retry_interval = '1 hour'")) { rig in
            try rig.send(to: "u@nowhere.test")
            try await expectEventually("deferred") { rig.metric("total_messages_transfail") == 1 }
            let queue = try #require(await rig.queue("nowhere.test"))
            #expect(queue.scheduled == 1 && queue.state == "waiting")
            #expect(queue.lastReply?.hasPrefix("451 4.4.4 KumoMTA internal: failed to resolve queue nowhere.test") == true)
            return try await rig.records("TransientFailure")
        }
        #expect(records.map(\.response.code) == [451])
    }

    @Test func loopbackHostsAreProhibitedByDefault() async throws {
        let records = try await Rig.run(RigPlan(path: "connection_limit = 4")) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("bounced") { rig.metric("total_messages_fail") == 1 }
            #expect(rig.counters.connections == 0)
            return try await rig.records("Bounce")
        }
        #expect(records.first?.response.code == 550 && records.first?.response.enhanced == "5.4.4")
    }

    @Test func nobodyListens() async throws {
        try await Rig.run(RigPlan(queue: "retry_interval = '1 hour'", port: 1)) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("deferred") { rig.metric("total_messages_transfail") == 1 }
            let reply = await rig.queue("example.com")?.lastReply ?? ""
            #expect(reply.hasPrefix("400 4.4.1 KumoMTA internal: failed to connect to any candidate hosts: mx.example.com[127.0.0.1]:1: "))
        }
    }

    @Test func theSourceAddressIsBound() async throws {
        let server = try RawServer()
        var plan = RigPlan(queue: "retry_interval = '1 hour', egress_pool = 'p'", port: server.port)
        plan.policy = """
            kumo.on('get_egress_pool', function(name) return { name = name, entries = { { name = 'two' } } } end)
            kumo.on('get_egress_source', function(name) return { name = name, source_address = '127.0.0.2' } end)
            """
        try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            #expect(try await server.peer() == "127.0.0.2")
            try await expectEventually("deferred") { rig.metric("total_messages_transfail") >= 1 }
            #expect(rig.node.services.paths.all.map(\.name) == ["two->mx.example.com@smtp_client"])
        }
    }
}

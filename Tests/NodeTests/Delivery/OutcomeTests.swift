import Client
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// What the answers of a peer do to messages.
@Suite(.serialized, .timeLimit(.minutes(5))) struct OutcomeTests {
    private static func counts(_ received: [(time: Double, session: String, recipients: [String], id: String)]) -> [String: Int] {
        received.flatMap(\.recipients).reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    @Test(arguments: ["mail", "rcpt", "data", "dot"]) func fiveHundredBounces(_ stage: String) async throws {
        let records = try await Rig.run(RigPlan(rules: ["\(stage)=550 5.1.1 no such user"])) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("bounced") { rig.metric("total_messages_fail") == 1 }
            try await expectEventually("nothing is left") { await rig.queued() == 0 }
            #expect(rig.metric("message_count") == 0)
            return try await rig.records("Bounce")
        }
        #expect(records.count == 1)
        #expect(records.first?.response.code == 550 && records.first?.response.enhanced == "5.1.1")
        #expect(records.first?.response.content == "no such user")
        #expect(records.first?.recipient.all == ["u@example.com"])
    }

    /// retry_interval × 2^n, jitter at most a fortieth of the interval to each side. Measured at the peer, where nothing can come too early; how late
    /// a busy machine is says nothing.
    @Test func fourHundredsAreRetriedWithGrowingDelay() async throws {
        let peer = try await ScriptedPeer { $0.verb == "RCPT" ? .say("450 4.2.1 later\r\n") : .usual }
        try await Rig.run(RigPlan(port: peer.port)) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("three attempts") { rig.metric("total_messages_transfail") >= 3 }
            let times = peer.times("RCPT")
            let (first, second) = (times[1] - times[0], times[2] - times[1])
            #expect(first >= 975_000_000, "the first delay was \(first) ns")
            #expect(second >= 1_975_000_000, "the second delay was \(second) ns")
            let queue = try #require(await rig.queue("example.com"))
            #expect(queue.scheduled == 1 && queue.lastReply == "450 4.2.1 later")
        }
        await peer.stop()
    }

    @Test func aRefusedSessionIsTransient() async throws {
        let plan = RigPlan(queue: "retry_interval = '1 hour'", rules: ["connect=554 5.7.1 we do not like you"])
        let records = try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("deferred") { rig.metric("total_messages_transfail") == 1 }
            #expect(await rig.queue("example.com")?.lastReply == "554 5.7.1 we do not like you")
            return try await rig.records("TransientFailure")
        }
        #expect(records.map(\.response.code) == [554])
    }

    @Test func aServiceThatClosesCostsOneAttempt() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["rcpt=421 4.3.2 closing@every:3"])
        let (received, records) = try await Rig.run(plan) { rig in
            let client = try rig.client()
            for index in 0..<5 { try client.deliver(to: ["u\(index)@example.com"], id: "m\(index)") }
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 5 }
            return (await rig.received(), try await rig.records("TransientFailure"))
        }
        #expect(received.map(\.id).sorted() == (0..<5).map { "<m\($0)>" })
        #expect(Set(records.map(\.response.code)) == [421])
        #expect(Set(received.map(\.session)).count >= 2)
    }

    @Test func aConnectionLostAfterTheDotIsAmbiguous() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["dot=disconnect@every:2"])
        let records = try await Rig.run(plan) { rig in
            let client = try rig.client()
            try client.deliver(to: ["a@example.com"], id: "m0")
            try client.deliver(to: ["b@example.com"], id: "m1")
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 2 }
            #expect(rig.metric("ambiguous_deliveries_total") == 1)
            return try await rig.records("TransientFailure")
        }
        #expect(records.count == 1)
        #expect(records.first?.response.content.contains("waiting for the reply to") == true, "\(records)")
    }

    @Test func aConnectionLostEarlierIsNot() async throws {
        let plan = RigPlan(path: "prohibited_hosts = {}, connection_limit = 1", rules: ["mail=disconnect@every:2"])
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            try client.deliver(to: ["a@example.com"], id: "m0")
            try client.deliver(to: ["b@example.com"], id: "m1")
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 2 }
            #expect(rig.metric("ambiguous_deliveries_total") == 0)
        }
    }

    // MARK: Batches

    private static let five = (0..<5).map { "u\($0)@example.com" }

    @Test func recipientsOfADomainTravelInBatches() async throws {
        let plan = RigPlan(listener: "batch_handling = 'BatchByDomain'", path: "prohibited_hosts = {}, max_recipients_per_batch = 2")
        try await Rig.run(plan) { rig in
            let reply = try rig.client().deliver(to: Self.five + ["x@twin.test"])
            #expect(reply.split(separator: " ").count == 4, "one id per domain: \(reply)")
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 6 }
            let received = await rig.received()
            #expect(received.map(\.recipients.count).sorted() == [1, 1, 2, 2])
            #expect(Self.counts(received).allSatisfy { $0.value == 1 } && Self.counts(received).count == 6)
        }
    }

    /// 452 4.5.3: the rest goes on at once, without a retry delay.
    @Test func tooManyRecipientsGoOnAtOnce() async throws {
        var plan = RigPlan(listener: "batch_handling = 'BatchByDomain'", queue: "retry_interval = '1 hour'")
        plan.sink = { $0.maxRecipients = 2 }
        let records = try await Rig.run(plan) { rig in
            try rig.client().deliver(to: Self.five)
            try await expectEventually("delivered", within: .seconds(5)) { rig.metric("total_messages_delivered") == 5 }
            #expect(Self.counts(await rig.received()) == Dictionary(uniqueKeysWithValues: Self.five.map { ($0, 1) }))
            return try await rig.records("TransientFailure")
        }
        #expect(records.isEmpty, "nobody failed: \(records)")
    }

    @Test func onlyTheRefusedRecipientIsRetried() async throws {
        let plan = RigPlan(listener: "batch_handling = 'BatchByDomain'", rules: ["rcpt=450 4.2.1 later@every:4"])
        let records = try await Rig.run(plan) { rig in
            try rig.client().deliver(to: Self.five)
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 5 }
            #expect(Self.counts(await rig.received()) == Dictionary(uniqueKeysWithValues: Self.five.map { ($0, 1) }))
            return try await rig.records("TransientFailure")
        }
        #expect(records.map(\.recipient.all) == [["u3@example.com"]])
    }

    /// What was delivered and what the policy noted are still known after a restart.
    @Test func aRestartRepeatsNothingAndKeepsTheMeta() async throws {
        var plan = RigPlan(
            listener: "batch_handling = 'BatchByDomain'", queue: "retry_interval = '3s'", rules: ["rcpt=450 4.2.1 later@every:4"])
        plan.policy = """
            kumo.on('smtp_server_message_received', function(msg)
              msg:set_meta('note', 'from the policy')
            end)
            """
        let records = try await Rig.run(plan) { rig in
            try rig.client().deliver(to: Self.five)
            try await expectEventually("first attempt") { rig.metric("total_messages_transfail") == 1 }
            try await rig.restart()
            try await expectEventually("recovered") {
                await rig.queue("example.com")?.scheduled == 1 || rig.metric("total_messages_delivered") == 1
            }
            let reply = await rig.queue("example.com")?.lastReply
            #expect(reply == "450 4.2.1 later")
            try await expectEventually("delivered") { rig.metric("total_messages_delivered") == 1 }
            #expect(Self.counts(await rig.received()) == Dictionary(uniqueKeysWithValues: Self.five.map { ($0, 1) }))
            return try await rig.records("Delivery")
        }
        #expect(records.count == 5)
        #expect(records.allSatisfy { $0.meta["note"] == "from the policy" }, "\(records.map(\.meta))")
        #expect(records.map(\.num_attempts).sorted() == [1, 1, 1, 1, 2])
        #expect(records.allSatisfy { $0.meta["apus.recipients"] == nil })
    }

    /// The connection ends after each batch and the next one fails: what was delivered is not sent again.
    @Test func aFailedConnectionBetweenBatchesRepeatsNothing() async throws {
        let plan = RigPlan(
            listener: "batch_handling = 'BatchByDomain'",
            path: "prohibited_hosts = {}, max_recipients_per_batch = 1, max_deliveries_per_connection = 1, connection_limit = 1",
            rules: ["connect=421 4.3.2 not now@every:2"])
        try await Rig.run(plan) { rig in
            try rig.client().deliver(to: ["a@example.com", "b@example.com"])
            _ = await eventually(within: .seconds(5)) { rig.metric("message_count") == 0 }
            let received = Self.counts(await rig.received())
            do {
                #expect(received == ["a@example.com": 1, "b@example.com": 1])
            }
        }
    }

    @Test func eightBitMailIsRefusedForAPlainHost() async throws {
        var plan = RigPlan()
        plan.sink = { $0.extensions = [.pipelining] }
        let records = try await Rig.run(plan) { rig in
            try rig.client().deliver(to: ["a@example.com"], body: "grüße")
            try rig.client().deliver(to: ["b@example.com"], body: "plain")
            try await expectEventually("done") { rig.metric("total_messages_delivered") + rig.metric("total_messages_fail") == 2 }
            return try await rig.records("Bounce")
        }
        #expect(records.map(\.recipient.all) == [["a@example.com"]])
        #expect(records.first?.response.content.contains("8BITMIME") == true)
    }
}

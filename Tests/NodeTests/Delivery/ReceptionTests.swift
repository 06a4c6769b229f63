import Client
import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// What a client hears, and what becomes of its mail.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ReceptionTests {
    @Test func strangersMayNotRelay() async throws {
        try await Rig.run(RigPlan(listener: "relay_hosts = { '10.0.0.0/8' }")) { rig in
            let client = try rig.client()
            #expect(try client.say("MAIL FROM:<a@b.test>").hasPrefix("250"))
            let reply = try client.say("RCPT TO:<u@example.com>")
            #expect(reply.hasPrefix("550 5.7.1 relaying not permitted for 127.0.0.1:"), "\(reply)")
            #expect(try client.say("DATA").hasPrefix("503"))
            let records = try await rig.records("Rejection")
            #expect(records.contains { $0.response.code == 550 })
        }
    }

    @Test func eachRecipientIsAMessageByDefault() async throws {
        try await Rig.run(RigPlan()) { rig in
            let reply = try rig.send(to: "a@example.com", "b@example.com", "c@twin.test")
            #expect(reply.split(separator: " ").count == 5 && reply.hasPrefix("250 OK ids="), "\(reply)")
            try await expectEventually("delivered") { rig.counters.messages == 3 }
        }
    }

    @Test func thePolicyRefuses() async throws {
        let plan = RigPlan(
            policy: """
                kumo.on('smtp_server_mail_from', function(sender)
                  if sender.user == 'spammer' then kumo.reject(550, '5.7.1 not you') end
                end)
                kumo.on('smtp_server_rcpt_to', function(recipient)
                  if recipient.user == 'nobody' then kumo.reject(550, '5.1.1 no such user') end
                  if recipient.user == 'later' then kumo.reject(450, 'try later') end
                end)
                kumo.on('smtp_server_message_received', function(msg)
                  if msg:recipient().user == 'picky' then kumo.reject(554, '5.6.0 I do not like it') end
                end)
                """)
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            #expect(try client.say("MAIL FROM:<spammer@x.test>") == "550 5.7.1 not you")
            try client.say("MAIL FROM:<a@x.test>")
            #expect(try client.say("RCPT TO:<nobody@example.com>") == "550 5.1.1 no such user")
            #expect(try client.say("RCPT TO:<later@example.com>") == "450 try later")
            #expect(try client.say("RCPT TO:<picky@example.com>").hasPrefix("250"))
            try client.say("DATA")
            #expect(try client.say("Subject: x\r\n\r\ny\r\n.") == "554 5.6.0 I do not like it")
            let partial = try client.deliver(to: ["picky@example.com", "fine@example.com"])
            #expect(partial.hasPrefix("250 PARTIAL ids=") && partial.split(separator: " ").count == 3, "\(partial)")
            try await expectEventually("delivered") { rig.counters.messages == 1 }
        }
    }

    @Test func aFaultOfThePolicyIsTransientAndEndsNothing() async throws {
        let plan = RigPlan(
            policy: """
                kumo.on('smtp_server_rcpt_to', function(recipient)
                  if recipient.user == 'crash' then error('boom') end
                end)
                kumo.on('smtp_server_message_received', function(msg)
                  if msg:recipient().user == 'late' then local x = nil; x.y = 1 end
                end)
                """)
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            try client.say("MAIL FROM:<a@x.test>")
            #expect(try client.say("RCPT TO:<crash@example.com>") == "451 4.3.0 technical difficulties. Try later")
            try client.say("RSET")
            #expect(try client.deliver(to: ["late@example.com"]).hasPrefix("451 4.3.0"))
            #expect(try client.deliver(to: ["fine@example.com"]).hasPrefix("250"))
            try await expectEventually("delivered") { rig.counters.messages == 1 }
        }
    }

    @Test func ehloCapsMessages() async throws {
        let plan = RigPlan(
            policy:
                "kumo.on('smtp_server_ehlo', function(domain) if domain == 'client.test' then return { max_deliveries_per_connection = 2 } end end)"
        )
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            #expect(try client.deliver(to: ["a@example.com"]).hasPrefix("250"))
            #expect(try client.deliver(to: ["b@example.com"]).hasPrefix("250"))
            #expect(try client.say("MAIL FROM:<a@x.test>").hasPrefix("421 4.3.2"))
            #expect(try client.reply() == "", "and the connection is closed")
            let other = try RawClient(port: rig.smtpPort)
            try other.say("EHLO other.test")
            for _ in 0..<4 { #expect(try other.deliver(to: ["c@example.com"]).hasPrefix("250")) }
        }
    }

    @Test func ehloCapsConnections() async throws {
        let plan = RigPlan(policy: "kumo.on('smtp_server_ehlo', function(domain) return { max_connection_rate = '2/hour' } end)")
        try await Rig.run(plan) { rig in
            func hello(_ name: String) throws -> String { try RawClient(port: rig.smtpPort).say("EHLO \(name)") }
            let replies = try ["busy.test", "busy.test", "busy.test", "quiet.test"].map(hello)
            #expect(replies.map { String($0.prefix(3)) } == ["250", "250", "421", "250"])
            #expect(replies[2].hasPrefix("421 4.3.2"))
        }
    }

    @Test func aMistypedCapIsAFaultOfThePolicy() async throws {
        let plan = RigPlan(policy: "kumo.on('smtp_server_ehlo', function() return { max_deliveries = 2 } end)")
        try await Rig.run(plan) { rig in
            let client = try RawClient(port: rig.smtpPort)
            #expect(try client.say("EHLO x.test").hasPrefix("451 4.3.0"))
        }
    }

    @Test func theNullQueueSwallows() async throws {
        let plan = RigPlan(policy: "kumo.on('smtp_server_message_received', function(msg) msg:set_meta('queue', 'null') end)")
        let records = try await Rig.run(plan) { rig in
            #expect(try rig.send(to: "u@example.com").hasPrefix("250 OK ids="))
            #expect(await rig.queued() == 0 && rig.metric("message_count") == 0)
            return try await rig.records()
        }
        #expect(records.map(\.type) == ["Reception"] && records.first?.queue == "null")
    }

    @Test func tenantAndCampaignNameTheQueue() async throws {
        let plan = RigPlan(
            policy: """
                kumo.on('smtp_server_message_received', function(msg)
                  msg:set_meta('tenant', 'acme'); msg:set_meta('campaign', 'spring')
                end)
                """)
        let records = try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("delivered") { rig.counters.messages == 1 }
            return try await rig.records()
        }
        #expect(records.map(\.queue) == ["spring:acme@example.com", "spring:acme@example.com"])
        #expect(records.allSatisfy { $0.meta["tenant"] == "acme" })
    }

    /// Kept in memory until the first failure, on disk from then on.
    @Test func deferredSpool() async throws {
        let plan = RigPlan(listener: "deferred_spool = true", queue: "retry_interval = '2s'", rules: ["rcpt=450 4.2.1 later@every:2"])
        try await Rig.run(plan) { rig in
            let client = try rig.client()
            #expect(try client.deliver(to: ["a@example.com"], id: "a").hasPrefix("250"))
            try await expectEventually("delivered") { rig.counters.messages == 1 }
            #expect(try client.deliver(to: ["b@example.com"], id: "b").hasPrefix("250"))
            try await expectEventually("deferred") { rig.metric("total_messages_transfail") == 1 }
            try await rig.restart()
            try await expectEventually("delivered") { rig.counters.messages == 2 }
            #expect(await rig.received().map(\.id) == ["<a>", "<b>"])
        }
    }

    /// A handler that waits holds its own session only, even on a single loop.
    @Test func aHandlerThatSleepsHoldsNobodyElse() async throws {
        let plan = RigPlan(
            policy: """
                kumo.on('smtp_server_message_received', function(msg)
                  if msg:recipient().user == 'slow' then kumo.sleep(2) end
                end)
                """, loops: 1)
        try await Rig.run(plan) { rig in
            let slow = try rig.client()
            try slow.say("MAIL FROM:<a@x.test>")
            try slow.say("RCPT TO:<slow@example.com>")
            try slow.say("DATA")
            let start = ContinuousClock.now
            try slow.write("Message-ID: <slow>\r\n\r\nx\r\n.\r\n")
            let quick = try rig.client()
            for _ in 0..<5 { #expect(try quick.deliver(to: ["quick@example.com"], id: "quick").hasPrefix("250")) }
            #expect(ContinuousClock.now - start < .milliseconds(1500))
            #expect(try slow.reply().hasPrefix("250"))
            #expect(ContinuousClock.now - start >= .milliseconds(1900))
            try await expectEventually("delivered") { rig.counters.messages == 6 }
        }
    }

    @Test func headersAreAddedOnTop() async throws {
        var plan = RigPlan(listener: "trace_headers = { supplemental_header = false }")
        plan.sink = { $0.recordHeader = "Received" }
        try await Rig.run(plan) { rig in
            try rig.send(to: "u@example.com")
            try await expectEventually("delivered") { rig.counters.messages == 1 }
            let header = try #require(await rig.received().first?.id)
            #expect(header.contains("from client.test (127.0.0.1)") && header.contains("by node.test (Apus 127.0.0.1)"), "\(header)")
            #expect(header.contains("with ESMTP id ") && header.contains("for <u@example.com>;"), "\(header)")
        }
    }
}

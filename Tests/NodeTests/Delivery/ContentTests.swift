import Client
import Cluster
import Message
import NIOCore
import Sink
import Spool
import TestSupport
import Testing

@testable import API
@testable import Control
@testable import Delivery
@testable import Intake
@testable import Node
@testable import Resources

/// What becomes of content, loops and names on the way in, over SMTP and over HTTP.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ContentTests {
    /// Sends content as it is; the final reply.
    private static func send(_ content: String, to recipient: String = "u@example.com", over client: RawClient) throws -> String {
        try client.say("MAIL FROM:<a@x.test>")
        try client.say("RCPT TO:<\(recipient)>")
        try client.say("DATA")
        return try client.say((content.hasPrefix(".") ? "." : "") + content + ".")
    }

    /// What the spool holds of an accepted message.
    private static func stored(_ reply: String, in rig: Rig) async throws -> (headers: String, body: String) {
        let id = try #require(reply.split { $0 == " " || $0 == "=" }.last.flatMap { MessageID(hex: String($0)) }, "\(reply)")
        let handle = try #require(rig.node.services.spool.handle(of: id))
        let message = try await withCheckedContinuation { continuation in
            rig.node.services.spool.read(handle, ticket: 0) { continuation.resume(returning: $0) }
        }.get()
        guard case .inline(let body) = message.body else { return (String(buffer: message.headers), "") }
        return (String(buffer: message.headers), String(buffer: body))
    }

    static let contents = [
        " folded: x\r\nA: b\r\n\r\nbody\r\n", "\tfolded: x\r\n", "hello\r\n", "\r\nbody\r\n", "no colon\r\n\r\nSubject: x\r\n", " \r\n",
        "Subject: x\r\n", "Subject: x\r\n\r\n", "From a@b\r\nSubject: x\r\n\r\nbody\r\n", "Subject: x\r\nstray\r\n", ": x\r\n", "\r\n\r\n",
        "A b: c\r\n",
        "..\r\n", "",
    ]

    @Test(arguments: contents) func traceHeadersStayApart(_ content: String) async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.pause("example.com")
            let wire = try Self.send(content, over: rig.client())
            let raw = try JSONDecoderOf.raw(content)
            let result = await rig.node.injector.inject(try raw.injection(), peer: nil)
            for id in [wire, "250 " + (result.ids.first ?? "")] {
                let (headers, body) = try await Self.stored(id, in: rig)
                let message = headers + body
                #expect(message.hasSuffix(content), "\(message.debugDescription)")
                let fields = Array(message.utf8).withUnsafeBytes { HeaderBlock.allFields(in: $0) }
                let reference = try #require(fields.first { $0.name == "X-KumoRef" }?.value)
                #expect(Base64.decode(reference.utf8) != nil, "\(reference)")
                let head = Array(content.utf8).withUnsafeBytes { ContentHead($0) }
                if head.seam == .emptyLine { #expect(body == content && headers.hasSuffix("\r\n\r\n")) }
                if head.seam == .mailboxLine { #expect(fields.contains { $0.name == "X-Mailbox-Line" }) }
            }
        }
    }

    /// Content beyond the part that is held in memory, without a header section, or with one that ends late.
    @Test(arguments: [
        (" blank first\r\n", "250"), ("no header\r\n", "250"), ("\r\n", "250"), ("A: b\r\n\r\n", "250"), ("A: b\r\nstray\r\n", "250"),
        ("From a@b\r\nA: b\r\n\r\n", "250"), ("A: b\r\n" + String(repeating: "C: d\r\n", count: 200_000), "552 5.3.4"),
        (String(repeating: "Received: x\r\n", count: 101) + "\r\n", "554 5.4.6"),
        (String(repeating: "Received: x\r\n", count: 100) + "\r\n" + String(repeating: "Received: x\r\n", count: 100), "250"),
    ]) func streamedContent(_ start: String, _ expected: String) async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.pause("example.com")
            let line = String(repeating: "x", count: 70) + "\r\n"
            let reply = try Self.send(start + String(repeating: line, count: 25_000), over: rig.client())
            #expect(reply.hasPrefix(expected), "\(reply)")
            guard expected == "250" else { return }
            let (headers, _) = try await Self.stored(reply, in: rig)
            let fields = Array(headers.utf8).withUnsafeBytes { HeaderBlock.allFields(in: $0) }
            #expect(fields.first?.name == "Received" && fields.contains { $0.name == "X-KumoRef" && Base64.decode($0.value.utf8) != nil })
        }
    }

    // MARK: Loops

    @Test(arguments: [
        (100, "Received: from a by b; now\r\n", "250"), (101, "Received: from a by b; now\r\n", "554 5.4.6"),
        (101, "RECEIVED :x\r\n", "554 5.4.6"),
        (101, "received:\r\n\tfrom a\r\n by b\r\n", "554 5.4.6"), (150, "X-Received: x\r\n", "250"),
        (150, "A: b\r\n Received: x\r\n", "250"),
    ]) func loopsEnd(_ count: Int, _ field: String, _ expected: String) async throws {
        try await Rig.run(RigPlan()) { rig in
            try rig.pause("example.com")
            let content = String(repeating: field, count: count) + "Subject: x\r\n\r\n" + String(repeating: "Received: x\r\n", count: 200)
            let client = try rig.client()
            let reply = try Self.send(content, over: client)
            #expect(reply.hasPrefix(expected), "\(reply)")
            #expect(try client.say("NOOP").hasPrefix("250"), "the session goes on")
            let refusal = Result { try JSONDecoderOf.raw(content).injection() }
            #expect(((try? refusal.get()) == nil) == (expected != "250"))
            if expected != "250" {
                #expect(reply.contains("101 Received") && reply.contains("max_received_headers"), "\(reply)")
                let record = try #require(try await rig.records("Rejection").last)
                #expect(record.response.enhanced == "5.4.6" && record.response.command == "DATA")
                #expect(record.recipient.all == ["u@example.com"])
            }
        }
    }

    @Test func theLoopLimitIsAnOption() async throws {
        try await Rig.run(RigPlan(listener: "max_received_headers = 2")) { rig in
            try rig.pause("example.com")
            #expect(try Self.send("Received: x\r\nReceived: y\r\n\r\n", over: rig.client()).hasPrefix("250"))
            #expect(try Self.send("Received: x\r\nReceived: y\r\nReceived: z\r\n\r\n", over: rig.client()).hasPrefix("554 5.4.6"))
        }
    }

    // MARK: Names

    static let texts = [
        "spring:2026", "a@b", "x!y", "\"q\"", "back\\slash", " blank ", "ünï", "a,b", "a->b", String(repeating: ":", count: 512),
    ]

    /// Mail of a suspended tenant stays, whatever the names beside it are, and the policy gets the texts as they were set.
    @Test(arguments: texts) func aSuspendedTenantHoldsUnderEveryName(_ text: String) async throws {
        let lua = "[==[\(text)]==]"
        let plan = RigPlan(
            queue: nil,
            policy: """
                kumo.on('smtp_server_message_received', function(msg)
                  local user = msg:recipient().user
                  if user == 'campaign' then msg:set_meta('tenant', 'acme') msg:set_meta('campaign', \(lua)) end
                  if user == 'tenant' then msg:set_meta('tenant', \(lua)) end
                  if user == 'routing' then msg:set_meta('tenant', 'acme') msg:set_meta('routing_domain', \(lua)) end
                end)
                kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
                  kumo.log_info('asked')
                  if domain ~= 'example.com' then error('domain ' .. domain) end
                  if campaign and campaign ~= \(lua) then error('campaign ' .. campaign) end
                  if routing_domain and routing_domain ~= \(lua) then error('routing domain ' .. routing_domain) end
                  if tenant ~= 'acme' and tenant ~= \(lua) then error('tenant ' .. tenant) end
                  return { retry_interval = '1s' }
                end)
                """)
        try await Rig.run(plan) { rig in
            try rig.rule(.suspend, ControlScope(tenant: "acme"))
            try rig.rule(.suspend, ControlScope(tenant: text))
            for user in ["campaign", "tenant", "routing"] { #expect(try rig.send(to: "\(user)@example.com").hasPrefix("250")) }
            try await expectEventually("all are held") {
                await rig.node.inspection.queues().filter { $0.state == "paused" && $0.scheduled == 1 }.count == 3
            }
            let names = await rig.node.inspection.queues().map(\.queue)
            let parsed = try names.map { try QueueName(parsing: $0) }
            #expect(parsed.contains { $0.campaign == text && $0.tenant == "acme" && $0.domain == "example.com" })
            #expect(parsed.contains { $0.tenant == text && $0.campaign == nil })
            #expect(parsed.contains { $0.routingDomain == text && $0.tenant == "acme" })
            // After a restart they are where they were.
            try await rig.restart()
            try await expectEventually("recovered") {
                await rig.node.inspection.queues().filter { $0.state == "paused" && $0.scheduled == 1 }.map(\.queue).sorted()
                    == names.sorted()
            }
            #expect(rig.counters.messages == 0)
            for name in names {
                let answer = await rig.node.explainer.explain(.queue(name), cluster: false).answers.first
                #expect(answer?.found == true && answer?.sentences.contains { $0.contains("suspended") } == true, "\(name)")
            }
        }
    }

    /// A name that is no domain fails where everybody can see it, and never goes to the recipient's own hosts.
    @Test(arguments: texts) func aRoutingDomainThatIsNoneFailsVisibly(_ text: String) async throws {
        let plan = RigPlan(
            policy: "kumo.on('smtp_server_message_received', function(msg) msg:set_meta('routing_domain', [==[\(text)]==]) end)")
        try await Rig.run(plan) { rig in
            #expect(try rig.send(to: "u@example.com").hasPrefix("250"))
            try await expectEventually("an outcome") {
                if rig.metric("total_messages_transfail") + rig.metric("total_messages_fail") > 0 { return true }
                return await rig.node.inspection.queues().contains { $0.blockedBy != nil }
            }
            #expect(rig.counters.messages == 0)
        }
    }

    @Test(arguments: texts) func aQueueIsPausedByItsListedName(_ text: String) async throws {
        let plan = RigPlan(
            policy: "kumo.on('smtp_server_message_received', function(msg) msg:set_meta('campaign', [==[\(text)]==]) end)")
        try await Rig.run(plan) { rig in
            let name = try QueueName(campaign: text, domain: "example.com").text
            try rig.pause(name)
            try rig.send(to: "u@example.com")
            try await expectEventually("held") { await rig.queue(name)?.state == "paused" }
            try rig.resume(name)
            try await expectEventually("delivered") { rig.counters.messages == 1 }
            let records = try await rig.records().filter { $0.type == "Reception" || $0.type == "Delivery" }
            #expect(records.map(\.queue) == [name, name] && records.allSatisfy { $0.meta["campaign"] == text })
        }
    }

    @Test(arguments: [
        ("msg:set_meta('tenant', 'a\\nb')", "451 4.3.5 the meta value 'tenant'"),
        ("msg:set_meta('campaign', ('x'):rep(513))", "longer than 512 bytes"),
        ("msg:set_meta('queue', 'a!b!c')", "'queue'"), ("msg:set_meta('queue', 'x@')", "no domain"),
        ("msg:set_meta('tenant', '\\xff')", "451 4.3.0"), ("msg:set_meta('tenant', true)", "451 4.3.0"),
        ("msg:set_meta('tenant', 'a\\nb') msg:queue_name()", "451 4.3.0"),
        ("msg:set_meta('tenant', '\"') assert(msg:queue_name() == '\"@example.com')", "250"),
        ("conn:set_meta('tenant', 5)", "451 4.3.0"), ("conn:set_meta('campaign', 'a:b') assert(msg:queue_name() ~= nil)", "250"),
    ]) func whatThePolicySetsIsUsedOrRefused(_ code: String, _ part: String) async throws {
        let plan = RigPlan(policy: "kumo.on('smtp_server_message_received', function(msg, conn) \(code) end)")
        try await Rig.run(plan) { rig in
            let reply = try rig.send(to: "u@example.com")
            #expect(reply.contains(part), "\(reply)")
            if !part.hasPrefix("250") { #expect(await rig.queued() == 0 && rig.counters.messages == 0) }
        }
    }

    @Test func oneOfSeveralIsRefused() async throws {
        let plan = RigPlan(
            policy: """
                kumo.on('smtp_server_message_received', function(msg)
                  if msg:recipient().user == 'bad' then msg:set_meta('tenant', 'a\\nb') end
                end)
                kumo.on('http_message_generated', function(msg)
                  if msg:recipient().user == 'bad' then msg:set_meta('campaign', ('x'):rep(600)) end
                end)
                """)
        try await Rig.run(plan) { rig in
            #expect(try rig.send(to: "bad@example.com", "u@example.com").hasPrefix("250 PARTIAL"))
            let text = #"{"from":"a@x.test","to":["bad@example.com","u@example.com"]}"#
            let result = await rig.node.injector.inject(try JSONDecoderOf.short(text).injection(), peer: nil)
            #expect(result.ids.count == 1 && result.failures.map(\.recipient) == ["bad@example.com"])
            #expect(result.failures.first?.reason.contains("campaign") == true && result.failures.first?.reason.contains("512") == true)
            try await expectEventually("the others") { rig.counters.messages == 2 }
        }
    }

    @Test func numbersOfTheListenerAreNames() async throws {
        try await Rig.run(RigPlan(listener: "meta = { tenant = 42 }")) { rig in
            try rig.pause("42@example.com")
            try rig.send(to: "u@example.com")
            try await expectEventually("held") { await rig.queue("42@example.com")?.scheduled == 1 }
        }
    }
}

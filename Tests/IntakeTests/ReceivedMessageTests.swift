import Message
import NIOCore
import Options
import Policy
import SMTP
import Shaping
import Spool
import Testing

@testable import Delivery
@testable import Intake

@Suite struct ReceivedMessageTests {
    private static func message(_ recipient: String = "ann@Example.COM", meta: [(key: String, value: String)] = []) -> ReceivedMessage {
        ReceivedMessage(
            id: MessageID(high: 1, low: 2), sender: .null, recipients: [EnvelopeAddress(stored: recipient)], created: 0,
            headers: ByteBuffer(string: "Subject: one\r\n two\r\n\r\n"), body: .inline(ByteBuffer(string: "body\r\n")), bodyLength: 6,
            is8bit: false, sessionMeta: meta)
    }

    @Test func theQueueFollowsTheMeta() throws {
        let message = Self.message(meta: [("tenant", "\"t\""), ("received_from", "\"x\"")])
        #expect(try message.queueName == "t@example.com")
        message.setMeta("campaign", .string("c"))
        message.setMeta("routing_domain", .string("relay.test"))
        #expect(try message.queueName == "c:t@example.com!relay.test")
        message.setMeta("tenant", .null)
        #expect(try message.queueName == "c:@example.com!relay.test")
        message.setMeta("queue", .string("null"))
        #expect(try message.queueName == "null")
        #expect(message.isDiscarded)
    }

    @Test func plainMessagesGoToTheirDomain() throws {
        #expect(try Self.message().queueName == "example.com")
        #expect(try Self.message("u@[192.0.2.1]").queueName == "[192.0.2.1]")
    }

    /// Any text comes back as it was set: the parts of the queue's name are those of the meta.
    @Test(arguments: [
        "acme", "spring:2026", "a@b", "a!b", "!!", "\"", "\"x\"", "a\\b", " lead and trail ", "ünï", "a:b@c!d\"e\\f", "null", ":", "@",
        "x,y",
        "1e5", String(repeating: ":", count: 512),
    ])
    func everyTextComesBack(_ text: String) throws {
        for (campaign, tenant, routing) in [(text, nil, nil), (nil, text, nil), (nil, nil, text), (text, text, text)]
            as [(String?, String?, String?)]
        {
            let message = Self.message()
            message.setMeta("campaign", campaign.map { .string($0) } ?? .null)
            message.setMeta("tenant", tenant.map { .string($0) } ?? .null)
            message.setMeta("routing_domain", routing.map { .string($0) } ?? .null)
            let name = try QueueName(parsing: message.queueName)
            #expect(name.campaign == campaign && name.tenant == tenant && name.routingDomain == routing && name.domain == "example.com")
        }
    }

    @Test(arguments: [
        ("tenant", ConfigValue.string("a\nb"), "control character"), ("campaign", .string("a\0"), "control character"),
        ("routing_domain", .string(String(repeating: "x", count: 513)), "longer than 512 bytes"), ("tenant", .bool(true), "true or false"),
        ("campaign", .table(["a": .null]), "table"), ("queue", .list([.string("x")]), "table"), ("tenant", .number(1.5), "fraction"),
        ("queue", .string("a@b!c!d"), "separator too many"), ("queue", .string("t@"), "no domain"),
        ("queue", .string(String(repeating: "x", count: 5000)), "longer than"), ("queue", .string("\"a@b!!"), "quotes"),
    ])
    func whatCannotBeUsedIsRefusedWithTheReason(_ key: String, _ value: ConfigValue, _ reason: String) {
        let message = Self.message(meta: [("tenant", "\"t\"")])
        message.setMeta(key, value)
        let error = #expect(throws: UnusableQueue.self) { _ = try message.queueName }
        #expect(
            error?.key == key && error?.description.contains("'\(key)'") == true && error?.reason.contains(reason) == true,
            "\(error?.reason ?? "")")
    }

    @Test(arguments: [
        (ConfigValue.integer(42), "42@example.com"), (.number(7), "7@example.com"), (.string(""), "example.com"), (.null, "example.com"),
        (.integer(-1), "-1@example.com"),
    ])
    func numbersAreTextsAndEmptyTextsAreNone(_ value: ConfigValue, _ queue: String) throws {
        let message = Self.message()
        message.setMeta("tenant", value)
        message.setMeta("queue", .string(""))
        #expect(try message.queueName == queue)
    }

    @Test(arguments: [
        ("example.com!", "example.com"), (#""a:b":t@d!!"#, #""a:b":t@d!!"#), (#""acme"@d!!"#, "acme@d"), ("Example.COM", "Example.COM"),
    ])
    func aWholeNameIsPrintedInOneForm(_ given: String, _ queue: String) throws {
        #expect(try Self.message(meta: [("queue", ConfigValue.string(given).jsonText)]).queueName == queue)
    }

    @Test func ownMetaGoesBeforeTheSessions() {
        let message = Self.message(meta: [("a", "1"), ("b", "\"two\"")])
        #expect(message.meta("a") == .integer(1) && message.meta("b") == .string("two") && message.meta("c") == .null)
        message.setMeta("a", .string("new"))
        message.setMeta("b", .null)
        message.setMeta("c", .list([.bool(true)]))
        #expect(message.meta("b") == .null)
        #expect(message.storedMeta.map { "\($0.key)=\($0.value)" } == ["a=\"new\"", "c=[true]"])
    }

    @Test func contentAsThePolicySeesIt() {
        let message = Self.message()
        #expect(message.firstHeader("subject") == "one two")
        #expect(String(decoding: message.data, as: UTF8.self) == "Subject: one\r\n two\r\n\r\nbody\r\n")
        #expect(message.size == message.data.count)
    }
}

@Suite struct SessionMetaTests {
    @Test func valuesAreStoredAsJSON() {
        let meta = SessionMeta(listener: ["b": .integer(2), "a": .string("x\"y")])
        #expect(meta.stored.map { "\($0.key)=\($0.value)" } == [#"a="x\"y""#, "b=2"])
        meta.set("c", "3")
        meta.setMeta("b", .null)
        #expect(meta.meta("b") == .null && meta.meta("c") == .string("3"))
        #expect(meta.stored.map(\.key) == ["a", "c"])
        meta.setMeta("a", .table(["k": .bool(true)]))
        #expect(meta.stored.last?.value == #"{"k":true}"#)
    }
}

@Suite struct PolicyVerdictTests {
    @Test(arguments: [
        (PolicyError.rejected(code: 550, text: "5.7.1 go away"), "550 5.7.1 go away", false),
        (.rejected(code: 451, text: "later"), "451 later", false), (.rejected(code: 421, text: "4.3.2 bye"), "421 4.3.2 bye", true),
        (.disconnected(code: 451, text: "4.7.0 bye", mode: .forceDisconnect), "451 4.7.0 bye", true),
        (.failed(message: "init.lua:3: oops"), "451 4.3.0 technical difficulties. Try later", false),
        (.timedOut(at: "init.lua:9"), "451 4.3.0 technical difficulties. Try later", false),
        (.outOfMemory, "451 4.3.0 technical difficulties. Try later", false),
    ]) func replies(_ error: PolicyError, _ text: String, _ disconnects: Bool) {
        let verdict = PolicyVerdict(error)
        #expect(verdict.reply.oneLine == text)
        #expect(verdict.disconnects == disconnects)
    }
}

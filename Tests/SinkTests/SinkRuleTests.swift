import Testing

@testable import Sink

@Suite struct SinkRuleTests {
    @Test(arguments: [
        ("rcpt=450 4.2.1 try later@0.3", SinkRule(stage: .rcpt, action: .reply("450 4.2.1 try later"), frequency: .probability(0.3))),
        ("connect=554 no", SinkRule(stage: .connect, action: .reply("554 no"))),
        ("ehlo=disconnect@every:10", SinkRule(stage: .ehlo, action: .disconnect, frequency: .every(10))),
        ("mail=delay=200ms", SinkRule(stage: .mail, action: .delay(.milliseconds(200)))),
        ("data=delay=2s@30%", SinkRule(stage: .data, action: .delay(.seconds(2)), frequency: .probability(0.3))),
        ("rcpt:Example.COM=550 5.1.1 no", SinkRule(stage: .rcpt, domain: "example.com", action: .reply("550 5.1.1 no"))),
        ("dot=550 a@b.example is unknown", SinkRule(stage: .dot, action: .reply("550 a@b.example is unknown"))),
        ("dot=550 a@b.example@1", SinkRule(stage: .dot, action: .reply("550 a@b.example"), frequency: .probability(1))),
        ("dot=250 2.0.0 a=b", SinkRule(stage: .dot, action: .reply("250 2.0.0 a=b"))),
        ("dot=451", SinkRule(stage: .dot, action: .reply("451"))),
    ])
    func reads(_ text: String, _ rule: SinkRule) throws {
        #expect(try SinkRule(parsing: text) == rule)
    }

    @Test(arguments: [
        ("", "stage=action"), ("rcpt", "stage=action"), ("rpct=450 x", "the stages are connect, ehlo, mail, rcpt, data, dot"),
        ("mail:example.com=450 x", "known only at the stages rcpt, data and dot"), ("rcpt:=450 x", "is empty"),
        ("rcpt=45 x", "is not an action"), ("rcpt=650 x", "is not an action"), ("rcpt=450x", "is not an action"),
        ("rcpt=", "is not an action"),
        ("rcpt=drop", "is not an action"), ("rcpt=450 x@1.5", "not a probability"), ("rcpt=450 x@130%", "not a probability"),
        ("rcpt=450 x@every:0", "count of 1 or more"), ("rcpt=delay=5", "is not a delay"), ("rcpt=delay=2h", "is not a delay"),
        ("rcpt=delay=100000s", "is not a delay"), ("rcpt=450 a\r\n250 b", "one line"),
    ])
    func refuses(_ text: String, _ hint: String) {
        let error = #expect(throws: SinkError.self) { try SinkRule(parsing: text) }
        #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("rule \"\(text)\"") == true)
    }

    @Test func everyNth() throws {
        let plan = SinkPlan([try SinkRule(parsing: "mail=450 x@every:3")])
        var luck = SplitMix64(seed: 1)
        let replies = (0..<9).map { _ in plan.verdict(at: .mail, recipients: [], luck: &luck).reply != nil }
        #expect(replies == [false, false, true, false, false, true, false, false, true])
    }

    @Test func probabilityAndSeed() throws {
        let plan = SinkPlan([try SinkRule(parsing: "mail=450 x@0.3")])
        func draw(_ seed: UInt64) -> [Bool] {
            var luck = SplitMix64(seed: seed)
            return (0..<10_000).map { _ in plan.verdict(at: .mail, recipients: [], luck: &luck).reply != nil }
        }
        #expect(draw(7) == draw(7))
        #expect(draw(7) != draw(8))
        let share = draw(7).count { $0 }
        #expect((2800...3200).contains(share))
    }

    @Test func domainsAndOrder() throws {
        let plan = SinkPlan(try ["rcpt:b.test=delay=5ms", "rcpt:b.test=550 b", "rcpt=450 all"].map { try SinkRule(parsing: $0) })
        var luck = SplitMix64(seed: 1)
        func verdict(_ address: String) -> SinkPlan.Verdict {
            plan.verdict(at: .rcpt, recipients: [Array(address.utf8)][...], luck: &luck)
        }
        #expect(verdict("x@B.Test") == SinkPlan.Verdict(delay: .milliseconds(5), reply: "550 b"))
        #expect(verdict("x@a.b.test") == SinkPlan.Verdict(reply: "450 all"))
        #expect(verdict("b.test") == SinkPlan.Verdict(reply: "450 all"))
        #expect(plan.usesDomains)
        #expect(plan.verdict(at: .dot, recipients: [], luck: &luck).isPlain)
    }
}

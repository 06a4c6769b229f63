import Message
import Testing

@Suite struct QueueNameTests {
    /// Text, campaign, tenant, domain, routing domain.
    @Test(
        arguments: [
            ("example.com", nil, nil, "example.com", nil),
            ("tenant@example.com", nil, "tenant", "example.com", nil),
            ("campaign:tenant@example.com", "campaign", "tenant", "example.com", nil),
            ("campaign:@example.com", "campaign", nil, "example.com", nil),
            ("example.com!relay.example", nil, nil, "example.com", "relay.example"),
            ("c:t@example.com!relay.example", "c", "t", "example.com", "relay.example"),
            ("c:@example.com!r", "c", nil, "example.com", "r"),
            ("t@[192.0.2.1]", nil, "t", "[192.0.2.1]", nil),
            ("t@[IPv6:2001:db8::1]", nil, "t", "[IPv6:2001:db8::1]", nil),
            ("[IPv6:2001:db8::1]", nil, nil, "[IPv6:2001:db8::1]", nil),
            ("http://10.0.0.1:8000.xfer.kumomta.internal", nil, nil, "http://10.0.0.1:8000.xfer.kumomta.internal", nil),
            ("user@corp.com@example.com", nil, "user@corp.com", "example.com", nil),
            ("c:user@corp.com@example.com", "c", "user@corp.com", "example.com", nil),
            (":a:b@example.com", nil, "a:b", "example.com", nil),
            ("c:a:b!x@example.com!r", "c", "a:b!x", "example.com", "r"),
            ("c@x:t@example.com", "c@x", "t", "example.com", nil),
            ("Ünïcode tenant@example.com", nil, "Ünïcode tenant", "example.com", nil),
            ("null", nil, nil, "null", nil),
        ] as [(String, String?, String?, String, String?)])
    func bothWays(text: String, campaign: String?, tenant: String?, domain: String, routingDomain: String?) throws {
        let name = try QueueName(campaign: campaign, tenant: tenant, domain: domain, routingDomain: routingDomain)
        #expect(name.text == text)
        let parsed = try QueueName(parsing: text)
        #expect(parsed == name)
        #expect(parsed.campaign == campaign && parsed.tenant == tenant && parsed.domain == domain && parsed.routingDomain == routingDomain)
    }

    @Test(arguments: [("@example.com", "example.com"), (":@example.com", "example.com"), ("example.com!", "example.com"), (":t@d!", "t@d")])
    func emptyComponentsAreAbsent(text: String, canonical: String) throws {
        #expect(try QueueName(parsing: text).text == canonical)
        #expect(try QueueName(parsing: text) == QueueName(parsing: canonical))
    }

    @Test func emptyComponentsOfInitAreAbsent() throws {
        #expect(try QueueName(campaign: "", tenant: "", domain: "d", routingDomain: "") == QueueName(domain: "d"))
    }

    @Test(
        arguments: [
            ("a:b", "t", "d", nil, .separator, "campaign"),
            (nil, nil, "a@d", nil, .separator, "domain"),
            (nil, nil, "a!d", nil, .separator, "domain"),
            (nil, nil, "d", "a@r", .separator, "routing_domain"),
            (nil, nil, "d", "a!r", .separator, "routing_domain"),
            (nil, nil, "", nil, .emptyDomain, "domain"),
            ("c", "t", "", "r", .emptyDomain, "domain"),
            ("c\n", nil, "d", nil, .controlCharacter, "campaign"),
            (nil, "t\0", "d", nil, .controlCharacter, "tenant"),
            (nil, nil, "d\r\n", nil, .controlCharacter, "domain"),
            (nil, nil, "d", "r\u{85}", .controlCharacter, "routing_domain"),
            (nil, String(repeating: "t", count: 513), "d", nil, .tooLong, "tenant"),
        ] as [(String?, String?, String, String?, QueueNameError.Code, String)])
    func refuses(campaign: String?, tenant: String?, domain: String, routing: String?, code: QueueNameError.Code, component: String) {
        let error = #expect(throws: QueueNameError.self) {
            try QueueName(campaign: campaign, tenant: tenant, domain: domain, routingDomain: routing)
        }
        #expect(error?.code == code)
        #expect(error?.component == component)
        #expect(error?.message.isEmpty == false && error?.remedy.isEmpty == false)
    }

    @Test(arguments: ["", "@", "t@", "c:t@", "!r", "t@!r", "d!a!b", "d\n", "t@\0"])
    func refusesText(text: String) {
        #expect(throws: QueueNameError.self) { try QueueName(parsing: text) }
    }

    @Test func recipientsAreNormalised() throws {
        let recipient = try EnvelopeAddress.parse("a@BÜCHER.Example")
        #expect(try QueueName(campaign: nil, tenant: "T", recipient: recipient, routingDomain: nil).text == "T@xn--bcher-kva.example")
    }

    /// What can be made can be read back, whatever the components hold.
    @Test(arguments: seeds)
    func everyNameRoundTrips(seed: UInt64) {
        var random = TestRandom(seed)
        let pieces = ["a", ":", "@", "!", ".", "[", "]", " ", "é", "%", "x"]
        var made = 0
        for _ in 0..<5000 {
            var parts = (0..<4).map { _ in randomText(&random, pieces: pieces, upTo: 3) }
            parts[2] += "d"
            guard let name = try? QueueName(campaign: parts[0], tenant: parts[1], domain: parts[2], routingDomain: parts[3]) else {
                continue
            }
            made += 1
            #expect((try? QueueName(parsing: name.text)) == name, "seed \(seed): \(parts)")
        }
        #expect(made > 500)
    }
}

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
            (#""acme"@example.com"#, nil, #""acme""#, "example.com", nil),
            (#""spring:2026":acme@example.net"#, #""spring"#, #"2026":acme"#, "example.net", nil),
            (#"a\b@example.com"#, nil, #"a\b"#, "example.com", nil),
            ("a!!@example.com", nil, "a!!", "example.com", nil),
            (#""spring:2026":acme@example.net!!"#, "spring:2026", "acme", "example.net", nil),
            (#""spring:2026":@example.net!!"#, "spring:2026", nil, "example.net", nil),
            (#""a:b":"x@y"@example.net!relay.example!!"#, "a:b", "x@y", "example.net", "relay.example"),
            (#"t@"a@b"!!"#, nil, "t", "a@b", nil),
            (#""a!b"!!"#, nil, nil, "a!b", nil),
            (#"d!"a@b!c"!!"#, nil, nil, "d", "a@b!c"),
            (#"":\"\\":"\"q\""@"[IPv6:::1]"!!"#, #":"\"#, #""q""#, "[IPv6:::1]", nil),
            (#""c:":t t@example.com!!"#, "c:", "t t", "example.com", nil),
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
            (nil, nil, "", nil, .emptyDomain, "domain"),
            ("c", "t", "", "r", .emptyDomain, "domain"),
            ("c\n", nil, "d", nil, .controlCharacter, "campaign"),
            (nil, "t\0", "d", nil, .controlCharacter, "tenant"),
            (nil, nil, "d\r\n", nil, .controlCharacter, "domain"),
            (nil, nil, "d", "r\u{85}", .controlCharacter, "routing_domain"),
            (nil, String(repeating: "t", count: 513), "d", nil, .tooLong, "tenant"),
            (String(repeating: "ü", count: 257), nil, "d", nil, .tooLong, "campaign"),
            (nil, nil, String(repeating: "d", count: 513), nil, .tooLong, "domain"),
            (nil, nil, "d", String(repeating: "r", count: 513), .tooLong, "routing_domain"),
        ] as [(String?, String?, String, String?, QueueNameError.Code, String)])
    func refuses(campaign: String?, tenant: String?, domain: String, routing: String?, code: QueueNameError.Code, component: String) {
        let error = #expect(throws: QueueNameError.self) {
            try QueueName(campaign: campaign, tenant: tenant, domain: domain, routingDomain: routing)
        }
        #expect(error?.code == code)
        #expect(error?.component == component)
        #expect(error?.message.isEmpty == false && error?.remedy.isEmpty == false)
    }

    @Test(arguments: [
        "", "@", "t@", "c:t@", "!r", "t@!r", "d!a!b", "d\n", "t@\0", "!!", "!!!", "@!!", #""a@d!!"#, #""a"b@d!!"#, #""a\n"@d!!"#,
        #"a"b@d!!"#,
        #""a":b@d!r!x!!"#, #""a":"b"d!!"#, #"a:b!!"#, #""a:b":c:d@e!!"#, #"\@d!!"#, #"t@"d"x!!"#, "\"a\nb\"@d!!",
    ])
    func refusesText(text: String) {
        #expect(throws: QueueNameError.self) { try QueueName(parsing: text) }
    }

    /// Quotes that are not needed are understood, and not printed.
    @Test(arguments: [(#""acme"@example.com!!"#, "acme@example.com"), ("example.com!!", "example.com"), (#"c:t@"d"!"r"!!"#, "c:t@d!r")])
    func needlessQuotes(text: String, canonical: String) throws {
        #expect(try QueueName(parsing: text).text == canonical)
        #expect(QueueName.canonical(text) == canonical)
    }

    @Test func whatIsNoNameIsItsOwnCanonicalForm() { #expect(QueueName.canonical("a!b!c") == "a!b!c") }

    @Test func theLongestNameFits() throws {
        let part = String(repeating: "\"", count: QueueName.componentLimit)
        let name = try QueueName(campaign: part, tenant: part, domain: "@" + part.dropLast(), routingDomain: part)
        #expect(name.text.utf8.count < QueueName.textLimit)
        #expect(try QueueName(parsing: name.text) == name)
        let error = #expect(throws: QueueNameError.self) { try QueueName(parsing: String(repeating: "x", count: QueueName.textLimit + 1)) }
        #expect(error?.code == .tooLong)
    }

    @Test func recipientsAreNormalised() throws {
        let recipient = try EnvelopeAddress.parse("a@BÜCHER.Example")
        #expect(try QueueName(campaign: nil, tenant: "T", recipient: recipient, routingDomain: nil).text == "T@xn--bcher-kva.example")
    }

    private static let pieces = [
        "a", ":", "@", "!", "!!", "\"", "\\", ".", "[", "]", " ", "é", "e\u{301}", "%", "x", "\\\"", "\":", "\u{2028}", "\u{1F600}",
    ]

    /// What can be made can be read back, whatever the components hold.
    @Test(arguments: seeds)
    func everyNameRoundTrips(seed: UInt64) throws {
        var random = TestRandom(seed)
        var texts: [String: QueueName] = [:]
        for _ in 0..<5000 {
            var parts = (0..<4).map { _ in randomText(&random, pieces: Self.pieces, upTo: 3) }
            if parts[2].isEmpty { parts[2] = "d" }
            let name = try QueueName(campaign: parts[0], tenant: parts[1], domain: parts[2], routingDomain: parts[3])
            let again = try QueueName(parsing: name.text)
            #expect(Self.bytes(again) == Self.bytes(name), "seed \(seed): \(parts)")
            #expect(again.text.utf8.elementsEqual(name.text.utf8))
            if let other = texts.updateValue(name, forKey: name.text) { #expect(other == name, "two names, one text: \(name.text)") }
        }
    }

    /// A name that needs no quotes is printed as it ever was.
    @Test(arguments: seeds)
    func plainNamesKeepTheirForm(seed: UInt64) throws {
        var random = TestRandom(seed)
        var plain = 0
        for _ in 0..<5000 {
            let parts = (0..<4).map { _ in randomText(&random, pieces: Self.pieces, upTo: 2) }
            let (campaign, tenant, domain, routing) = (parts[0], parts[1], "d" + parts[2], parts[3])
            guard !campaign.utf8.contains(0x3A), !(domain + routing).utf8.contains(where: { $0 == 0x21 || $0 == 0x40 }) else { continue }
            plain += 1
            var text = campaign.isEmpty && !tenant.utf8.contains(0x3A) ? "" : campaign + ":"
            text += tenant
            if !text.isEmpty { text += "@" }
            text += domain + (routing.isEmpty ? "" : "!" + routing)
            #expect(try QueueName(campaign: campaign, tenant: tenant, domain: domain, routingDomain: routing).text == text)
        }
        #expect(plain > 300)
    }

    private static func bytes(_ name: QueueName) -> [[UInt8]?] {
        [name.campaign, name.tenant, name.domain, name.routingDomain].map { $0.map { Array($0.utf8) } }
    }
}

import Platform
import Synchronization
import Testing

@testable import DNS

@Suite struct MailRouterTests {
    private let resolver = TableResolver()
    private let clock = ManualClock()

    private func router(_ change: (inout MailRouterConfiguration) -> Void = { _ in }) -> MailRouter {
        var configuration = MailRouterConfiguration()
        change(&configuration)
        return MailRouter(resolver: resolver, configuration: configuration, clock: { [clock] in clock.now })
    }

    @Test func sortsHostsAndNamesTheSite() async throws {
        resolver.set(
            "example.com", .mx,
            [
                .mx(preference: 20, host: "c.mx.net"), .mx(preference: 10, host: "b.mx.net"),
                .mx(preference: 10, host: "a.mx.net"), .mx(preference: 5, host: "c.mx.net"),
            ])
        let route = try await router().route("Example.com").get()
        #expect(route.hosts.map(\.name) == ["c.mx.net", "a.mx.net", "b.mx.net"])
        #expect(route.hosts.map(\.preference) == [5, 10, 10])
        #expect(route.siteName == "(a|b|c).mx.net" && route.kind == .mx)
    }

    @Test(
        arguments: [
            ([.mx(preference: 0, host: "")], "nullMX"), ([.mx(preference: 7, host: ""), .mx(preference: 0, host: "")], "nullMX"),
            ([.mx(preference: 0, host: ""), .mx(preference: 9, host: "mx.net")], "mx.net"),
        ] as [([DNSRecord], String)])
    func knowsTheNullMX(_ records: [DNSRecord], _ expected: String) async {
        resolver.set("example.com", .mx, records)
        switch await router().route("example.com") {
        case .success(let route): #expect(route.siteName == expected)
        case .failure(let failure): #expect(failure == .nullMX && expected == "nullMX")
        }
    }

    @Test func fallsBackToAddresses() async throws {
        resolver.set("v4.example", .mx, [])
        resolver.set("v4.example", .a, [.address(.v4(1))])
        resolver.set("v6.example", .mx, [])
        resolver.fail("v6.example", .a, .serverFailure)
        resolver.set("v6.example", .aaaa, [.address(.v6(high: 1, low: 1))])
        resolver.set("none.example", .mx, [])
        resolver.set("none.example", .a, [])
        resolver.set("none.example", .aaaa, [])
        resolver.set("half.example", .mx, [])
        resolver.set("half.example", .a, [])
        resolver.fail("half.example", .aaaa, .timedOut)
        let router = router()
        for name in ["v4.example", "v6.example"] {
            let route = try await router.route(name).get()
            #expect(route.kind == .implicit && route.siteName == name && route.hosts.map(\.name) == [name])
        }
        guard case .failure(.noSuchDomain) = await router.route("none.example") else {
            Issue.record("none.example")
            return
        }
        guard case .failure(.temporary) = await router.route("half.example") else {
            Issue.record("half.example")
            return
        }
        guard case .failure(.noSuchDomain) = await router.route("absent.example") else {
            Issue.record("absent.example")
            return
        }
    }

    @Test func malformedRecordsAreATemporaryFailure() async {
        resolver.set("example.com", .mx, [], status: .records)
        guard case .failure(.temporary) = await router().route("example.com") else {
            Issue.record("not temporary")
            return
        }
    }

    @Test(arguments: [DNSError.Code.timedOut, .serverFailure, .bogus, .overloaded, .closed, .cancelled])
    func failuresOfTheDNSAreTemporary(_ code: DNSError.Code) async {
        resolver.fail("example.com", .mx, code)
        guard case .failure(.temporary) = await router().route("example.com") else {
            Issue.record("not temporary")
            return
        }
    }

    @Test func literalsNeedNoLookup() async throws {
        let router = router()
        let route = try await router.route("[192.0.2.1]:26").get()
        #expect(route.kind == .literal(.v4(0xc000_0201)) && route.siteName == "[192.0.2.1]:26" && route.hosts[0].port == 26)
        #expect(try await router.route("[IPv6:2001:db8::1]").get().siteName == "[IPv6:2001:db8::1]")
        #expect(router.cachedRoute("[192.0.2.1]:26", now: clock.now) == route)
        #expect(resolver.asked.isEmpty)
        guard case .failure(.invalidDomain) = await router.route("not a domain") else {
            Issue.record("accepted")
            return
        }
    }

    @Test func aPortMakesAnotherSite() async throws {
        resolver.set("example.com", .mx, [.mx(preference: 1, host: "mx.net")])
        let router = router()
        let route = try await router.route("example.com:2525").get()
        #expect(route.siteName == "mx.net:2525" && route.hosts[0].port == 2525)
        #expect(router.cachedRoute("example.com:2525", now: clock.now) == route)
        #expect(router.cachedRoute("example.com", now: clock.now)?.siteName == "mx.net")
        #expect(resolver.asked == ["example.com MX"])
    }

    @Test func remembersForTheTimeToLiveAndNoLonger() async throws {
        resolver.set("example.com", .mx, [.mx(preference: 1, host: "mx.net")], ttl: 60)
        let router = router()
        #expect(router.cachedRoute("example.com", now: clock.now) == nil)
        let route = try await router.route("example.com").get()
        #expect(route.expires == clock.now + .seconds(60))
        clock.advance(seconds: 59)
        #expect(router.cachedRoute("example.com", now: clock.now) == route)
        _ = await router.route("EXAMPLE.COM")
        #expect(resolver.asked.count == 1)
        clock.advance(seconds: 1)
        #expect(router.cachedRoute("example.com", now: clock.now) == nil)
        _ = await router.route("example.com")
        #expect(resolver.asked.count == 2)
        router.forget()
        #expect(router.cachedRoute("example.com", now: clock.now) == nil)
        let statistics = router.statistics
        #expect(statistics.ok == 2 && statistics.failed == 0 && statistics.inProgress == 0 && statistics.cacheMisses == 2)
    }

    /// RFC 2308: as long as the zone says, no longer than configured, and never not at all.
    @Test(
        arguments: [
            ("nx60.example", 61), ("nx0.example", 2), ("nx1.example", 2), ("nxday.example", 301), ("nodata20.example", 21),
            ("implicit30.example", 31), ("broken.example", 30), ("silent.example", 30), ("forged.example", 30),
        ] as [(String, Int64)])
    func remembersFailures(_ name: String, _ seconds: Int64) async {
        for (name, ttl) in [("nx60.example", 60), ("nx0.example", 0), ("nx1.example", 1), ("nxday.example", 86_400)] {
            resolver.deny(name, .mx, ttl: ttl)
        }
        // Not longer than the shortest of the three answers.
        resolver.set("nodata20.example", .mx, [], ttl: 90)
        resolver.set("nodata20.example", .a, [], ttl: 20)
        resolver.set("nodata20.example", .aaaa, [], ttl: 50)
        // That there is no MX holds for thirty seconds only, whatever the address says.
        resolver.set("implicit30.example", .mx, [], ttl: 30)
        resolver.set("implicit30.example", .a, [.address(.v4(1))], ttl: 3600)
        resolver.fail("broken.example", .mx, .serverFailure)
        resolver.fail("silent.example", .mx, .timedOut)
        resolver.fail("forged.example", .mx, .bogus)
        let router = router()
        let first = await router.answer(name)
        #expect(!first.isRemembered && first.expires == clock.now + .seconds(seconds))
        let asked = resolver.asked.count
        clock.advance(seconds: seconds - 1)
        let second = await router.answer(name)
        #expect(second.isRemembered && second.expires == first.expires)
        #expect(resolver.asked.count == asked)
        clock.advance(seconds: 1)
        #expect(await !router.answer(name).isRemembered)
        #expect(resolver.asked.count == 2 * asked)
    }

    @Test(arguments: [(3, 90), (7, 600), (200, 1)] as [(Int64, Int64)])
    func theOptionsCapWhatIsRemembered(_ negative: Int64, _ failure: Int64) async {
        resolver.deny("absent.example", .mx, ttl: 3600)
        resolver.fail("broken.example", .mx, .serverFailure)
        let router = router {
            $0.negativeTTL = .seconds(negative)
            $0.temporaryTTL = .seconds(failure)
        }
        #expect(await router.answer("absent.example").expires == clock.now + .seconds(negative + 1))
        #expect(await router.answer("broken.example").expires == clock.now + .seconds(min(failure, 300)), "RFC 2308 7.1")
    }

    /// The clock counts from the start of the machine; whatever it says, an answer lasts as long as it should.
    @Test(arguments: [1, 1_000_000_000, 86_400_000_000_000, .max - 946_708_560_000_000_000, .max - 1_000_000_000] as [Int64])
    func worksAtAnyTimeOfTheClock(_ start: Int64) async throws {
        resolver.set("example.com", .mx, [.mx(preference: 1, host: "mx.net")], ttl: 0)
        resolver.deny("absent.example", .mx, ttl: .max)
        let moment = MonotonicInstant(nanoseconds: start)
        let router = MailRouter(resolver: resolver, clock: { moment })
        #expect(try await router.route("example.com").get().expires > moment)
        #expect(await router.answer("absent.example").expires > moment)
    }

    /// What joined a question hears its answer, as if it had asked; who comes later hears what is remembered.
    @Test func whoJoinedAQuestionHasAsked() async {
        resolver.deny("absent.example", .mx, ttl: 60)
        resolver.hold()
        let router = router()
        let heard = Mutex<[Bool]>([])
        for _ in 0..<3 { router.answer("absent.example") { answer in heard.withLock { $0.append(answer.isRemembered) } } }
        resolver.release()
        router.answer("absent.example") { answer in heard.withLock { $0.append(answer.isRemembered) } }
        router.answer("absent.example:26") { answer in heard.withLock { $0.append(answer.isRemembered) } }
        #expect(heard.withLock { $0 } == [false, false, false, true, true])
    }

    @Test(arguments: [DNSError.Code.overloaded, .closed, .cancelled, .resourcesExhausted])
    func ownTroublesAreNotQuestions(_ code: DNSError.Code) async {
        resolver.fail("example.com", .mx, code)
        let answer = await router().answer("example.com")
        #expect(answer.isRemembered && answer.expires == clock.now + .seconds(5))
    }

    @Test(arguments: [("absent.example", 2), ("broken.example", 30)] as [(String, Int64)])
    func asksAgainInTime(_ name: String, _ seconds: Int64) async {
        resolver.fail("broken.example", .mx, .serverFailure)
        let router = router()
        _ = await router.route(name)
        clock.advance(seconds: seconds - 1)
        _ = await router.route(name)
        #expect(resolver.asked.count == 1)
        clock.advance(seconds: 1)
        _ = await router.route(name)
        #expect(resolver.asked.count == 2)
    }

    @Test func doesNotRememberItsOwnTroubles() async {
        resolver.fail("example.com", .mx, .overloaded)
        let router = router()
        _ = await router.route("example.com")
        _ = await router.route("example.com")
        #expect(resolver.asked.count == 2)
    }

    @Test func oneFlightServesAll() {
        resolver.set("example.com", .mx, [.mx(preference: 1, host: "mx.net")])
        resolver.hold()
        let router = router()
        let sites = Mutex<[String]>([])
        for _ in 0..<100 {
            router.route("example.com") { result in
                if case .success(let route) = result { sites.withLock { $0.append(route.siteName) } }
            }
        }
        #expect(resolver.asked == ["example.com MX"] && router.statistics.inProgress == 1)
        resolver.release()
        #expect(sites.withLock { $0 } == Array(repeating: "mx.net", count: 100))
    }

    @Test func neverMoreThanTheLimitAtOnce() {
        resolver.hold()
        let router = router { $0.concurrency = 128 }
        let replies = Atomic<Int>(0)
        for n in 0..<300 { router.route("d\(n).example") { _ in replies.wrappingAdd(1, ordering: .relaxed) } }
        #expect(resolver.asked.count == 128)
        #expect(resolver.release(holdOn: true) == 128)
        #expect(resolver.asked.count == 256 && replies.load(ordering: .relaxed) == 128)
        #expect(resolver.release(holdOn: true) == 128)
        #expect(resolver.release(holdOn: true) == 44)
        #expect(replies.load(ordering: .relaxed) == 300 && router.statistics.inProgress == 0)
    }

    @Test func nobodyWaitsForever() {
        resolver.hold()
        let router = router {
            $0.concurrency = 1
            $0.maxWait = .seconds(60)
            $0.maxWaiters = 3
        }
        let failures = Mutex<[String]>([])
        for name in ["a.example", "b.example", "c.example", "d.example"] {
            router.route(name) { result in
                if case .failure(let failure) = result { failures.withLock { $0.append(failure.text) } }
            }
        }
        #expect(failures.withLock { $0 } == ["too many DNS lookups wait"])
        clock.advance(seconds: 61)
        resolver.release()
        #expect(
            failures.withLock { $0.sorted() } == [
                "DNS lookup of b.example waited too long", "DNS lookup of c.example waited too long",
                "a.example does not exist (NXDOMAIN)", "too many DNS lookups wait",
            ])
    }

    @Test func answersThatComeAtOnceDoNotGrowTheStack() {
        resolver.hold()
        let router = router { $0.concurrency = 1 }
        let replies = Atomic<Int>(0)
        for n in 0..<20_000 { router.route("d\(n).example") { _ in replies.wrappingAdd(1, ordering: .relaxed) } }
        resolver.release()  // from here on every lookup replies before it returns
        #expect(replies.load(ordering: .relaxed) == 20_000)
    }

    @Test(
        arguments: [
            (.ipv4AndIPv6, ["192.0.2.1", "2001:db8::1"]), (.ipv4Only, ["192.0.2.1"]), (.ipv6Only, ["2001:db8::1"]),
            (.ipv4ThenIPv6, ["192.0.2.1"]), (.ipv6ThenIPv4, ["2001:db8::1"]),
        ] as [(IPLookupStrategy, [String])])
    func choosesAddresses(_ strategy: IPLookupStrategy, _ expected: [String]) async throws {
        resolver.set("mx.net", .a, [.address(HostAddress("192.0.2.1")!)])
        resolver.set("mx.net", .aaaa, [.address(HostAddress("2001:db8::1")!)])
        resolver.set("four.net", .a, [.address(HostAddress("192.0.2.4")!)])
        resolver.set("four.net", .aaaa, [])
        let router = router()
        #expect(try await router.addresses(of: "MX.net.", strategy: strategy).get().map(\.text) == expected)
        let asked = resolver.asked.count
        #expect(try await router.addresses(of: "mx.net", strategy: strategy).get().map(\.text) == expected)
        #expect(resolver.asked.count == asked)
        let four = await router.addresses(of: "four.net", strategy: strategy)
        if strategy == .ipv6Only {
            #expect(four == .failure(.noSuchDomain("four.net has no address")))
        } else {
            #expect(try four.get().map(\.text) == ["192.0.2.4"])
        }
    }

    @Test func addressFailuresAreToldApart() async {
        resolver.fail("down.net", .a, .timedOut)
        resolver.set("down.net", .aaaa, [])
        let router = router()
        guard case .failure(.temporary) = await router.addresses(of: "down.net", strategy: .ipv4AndIPv6) else {
            Issue.record("down")
            return
        }
        guard case .failure(.noSuchDomain) = await router.addresses(of: "absent.net", strategy: .ipv4AndIPv6) else {
            Issue.record("absent")
            return
        }
        guard case .failure(.invalidDomain) = await router.addresses(of: "a b", strategy: .ipv4Only) else {
            Issue.record("invalid")
            return
        }
        #expect(await router.addresses(of: "2001:db8::1", strategy: .ipv4Only) == .success([HostAddress("2001:db8::1")!]))
    }

    /// A failure says until when it holds, and whether the DNS was asked: only then something was attempted.
    @Test(
        arguments: [
            ("nx", .ipv4AndIPv6, 31), ("nodata", .ipv4AndIPv6, 21), ("nodata", .ipv6Only, 51), ("nodata", .ipv4ThenIPv6, 21),
            ("down", .ipv4AndIPv6, 30), ("half", .ipv4AndIPv6, 30),
        ] as [(String, IPLookupStrategy, Int64)])
    func addressFailuresAreRemembered(_ name: String, _ strategy: IPLookupStrategy, _ seconds: Int64) async {
        resolver.deny("nx", .a, ttl: 30)
        resolver.deny("nx", .aaaa, ttl: 60)
        resolver.set("nodata", .a, [], ttl: 20)
        resolver.set("nodata", .aaaa, [], ttl: 50)
        resolver.fail("down", .a, .timedOut)
        resolver.fail("down", .aaaa, .timedOut)
        resolver.set("half", .a, [], ttl: 100)
        resolver.fail("half", .aaaa, .serverFailure)
        let router = router()
        let first = await router.addressAnswer(of: name, strategy: strategy)
        #expect(!first.isRemembered && first.expires == clock.now + .seconds(seconds) && first.rememberedFailureEnd == nil)
        let asked = resolver.asked.count
        clock.advance(seconds: seconds - 1)
        let second = await router.addressAnswer(of: name, strategy: strategy)
        #expect(second.result == first.result && second.rememberedFailureEnd == first.expires)
        #expect(resolver.asked.count == asked)
        clock.advance(seconds: 1)
        #expect(await !router.addressAnswer(of: name, strategy: strategy).isRemembered, "one family was asked anew")
        #expect(resolver.asked.count > asked)
    }

    /// Trouble of this machine says nothing of the host: nothing was asked.
    @Test func addressesThatCouldNotBeAskedForAreNoAttempt() async {
        for type in [RecordType.a, .aaaa] { resolver.fail("mx", type, .overloaded) }
        let answer = await router().addressAnswer(of: "mx", strategy: .ipv4AndIPv6)
        #expect(answer.rememberedFailureEnd == clock.now + .seconds(5))
    }

    @Test func worksOnTheRealResolver() async throws {
        var configuration = ResolverConfiguration(localData: [
            "example.com. 60 IN MX 10 mx2.example.com.", "example.com. 60 IN MX 10 mx1.example.com.", "mx1.example.com. 60 IN A 192.0.2.1",
            "nomail.example. 60 IN MX 0 .", "bare.example. 60 IN AAAA 2001:db8::9", "alias.example. 60 IN CNAME example.com.",
        ])
        configuration.servfail = ["broken.example"]
        let resolver = try Resolver(configuration)
        defer { resolver.close() }
        let router = MailRouter(resolver: resolver)
        #expect(try await router.route("example.com").get().siteName == "(mx1|mx2).example.com")
        #expect(try await router.route("alias.example").get().siteName == "(mx1|mx2).example.com")
        #expect(try await router.route("bare.example").get().kind == .implicit)
        #expect(await router.route("nomail.example") == .failure(.nullMX))
        guard case .failure(.noSuchDomain) = await router.route("absent.example") else {
            Issue.record("absent")
            return
        }
        guard case .failure(.temporary) = await router.route("broken.example") else {
            Issue.record("broken")
            return
        }
        #expect(try await router.addresses(of: "mx1.example.com", strategy: .ipv4AndIPv6).get() == [HostAddress("192.0.2.1")!])
    }
}

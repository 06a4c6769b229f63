import DNS
import Options
import Platform
import SMTP
import Shaping
import TestSupport
import Testing

@testable import Delivery

@Suite struct DialPlanTests {
    private static func route(_ hosts: [(Int, String)], kind: MailRoute.Kind = .mx) -> MailRoute {
        MailRoute(
            siteName: "site", hosts: hosts.map { MailRoute.Host(preference: $0.0, name: $0.1) }, kind: kind, expires: .distantFuture)
    }

    private static func plan(
        _ route: MailRoute, path: [String: ConfigValue] = [:], source: [String: ConfigValue] = [:], seed: UInt64 = 1
    ) throws -> DialPlan {
        var random = SeededGenerator(seed: seed)
        return DialPlan(
            route: route, source: try EgressSourceConfig(["name": .string("s")].merging(source) { $1 }),
            config: try EgressPathConfig(path), random: &random)
    }

    /// Walks a plan; every host has the addresses given. Answers what was dialled, and the end.
    private static func walk(
        _ plan: DialPlan, addresses: [String: [String]], failing text: String = "refused"
    ) -> (dialled: [String], failure: DialFailure) {
        var plan = plan
        var dialled: [String] = []
        while true {
            switch plan.next() {
            case .resolve(let host):
                if let found = addresses[host.name] {
                    plan.resolved(host, .success(found.compactMap { HostAddress($0) }))
                } else {
                    plan.resolved(host, .failure(.noSuchDomain("\(host.name) does not exist")))
                }
            case .dial(let candidate):
                dialled.append("\(candidate.host) \(candidate.address.text):\(candidate.port)")
                plan.failed(text)
            case .exhausted(let failure): return (dialled, failure)
            }
        }
    }

    @Test func hostsInOrderOfPreferenceEachAddressInTurn() throws {
        let plan = try Self.plan(Self.route([(10, "a"), (20, "b"), (30, "c")]))
        let (dialled, failure) = Self.walk(
            plan, addresses: ["a": ["192.0.2.1", "192.0.2.2"], "b": ["192.0.2.3"], "c": ["2001:db8::1"]])
        #expect(dialled == ["a 192.0.2.1:25", "a 192.0.2.2:25", "b 192.0.2.3:25", "c 2001:db8::1:25"])
        #expect(failure.fate == .transient && !failure.isForAll)
        #expect(
            failure.reply.oneLine.hasPrefix(
                "400 4.4.1 KumoMTA internal: failed to connect to any candidate hosts: a[192.0.2.1]:25: refused; a[192.0.2.2]:25: refused"))
    }

    /// RFC 5321 5.1: equal preferences are shuffled, different ones never.
    @Test func shufflesInsideAPreferenceOnly() throws {
        let route = Self.route([(10, "a"), (10, "b"), (10, "c"), (20, "d"), (20, "e")])
        let addresses = ["a": ["192.0.2.1"], "b": ["192.0.2.2"], "c": ["192.0.2.3"], "d": ["192.0.2.4"], "e": ["192.0.2.5"]]
        var firsts: [String: Int] = [:]
        var orders: Set<[String]> = []
        for seed in 1...600 as ClosedRange<UInt64> {
            let (dialled, _) = Self.walk(try Self.plan(route, seed: seed), addresses: addresses)
            let hosts = dialled.map { String($0.prefix(1)) }
            #expect(Set(hosts.prefix(3)) == ["a", "b", "c"], "seed \(seed)")
            #expect(Set(hosts.suffix(2)) == ["d", "e"], "seed \(seed)")
            firsts[hosts[0], default: 0] += 1
            orders.insert(hosts)
        }
        #expect(orders.count == 12)
        for (host, count) in firsts { #expect((140...260).contains(count), "\(host) came first \(count) times of 600") }
    }

    @Test func prohibitedHostsBounceEverybody() throws {
        let plan = try Self.plan(Self.route([(10, "a"), (20, "b")]))
        let (dialled, failure) = Self.walk(plan, addresses: ["a": ["127.0.0.1", "::1"], "b": ["::ffff:127.0.0.5", "0.0.0.0"]])
        #expect(dialled.isEmpty)
        #expect(failure.fate == .bounced && failure.isForAll)
        #expect(failure.reply.code == 550 && failure.reply.enhanced?.text == "5.4.4")
    }

    @Test func oneGoodAddressAmongProhibitedOnesIsUsed() throws {
        let plan = try Self.plan(Self.route([(10, "a"), (20, "b")]))
        let (dialled, failure) = Self.walk(plan, addresses: ["a": ["127.0.0.1"], "b": ["192.0.2.1"]])
        #expect(dialled == ["b 192.0.2.1:25"])
        #expect(failure.fate == .transient)
    }

    @Test func skippedHostsAreTransient() throws {
        let plan = try Self.plan(Self.route([(10, "a")]), path: ["skip_hosts": .list([.string("192.0.2.0/24")])])
        let (dialled, failure) = Self.walk(plan, addresses: ["a": ["192.0.2.77"]])
        #expect(dialled.isEmpty && failure.fate == .transient && failure.isForAll)
        #expect(failure.reply.oneLine.hasPrefix("451 4.4.4"))
    }

    /// A host that could not be resolved may be fine later: no bounce although the other one is prohibited.
    @Test func anUnresolvedHostIsNoBounce() throws {
        let plan = try Self.plan(Self.route([(10, "a"), (20, "b")]))
        let (_, failure) = Self.walk(plan, addresses: ["a": ["127.0.0.1"]])
        #expect(failure.fate == .transient)
        #expect(failure.reply.oneLine.contains("b: b does not exist"), "words, not an enum case: \(failure.reply.oneLine)")
        #expect(!failure.reply.oneLine.contains("noSuchDomain"))
    }

    @Test func literalsAndAddressesNeedNoLookUp() throws {
        let address = try #require(HostAddress("192.0.2.9"))
        let literal = MailRoute(
            siteName: "[192.0.2.9]", hosts: [MailRoute.Host(preference: 0, name: "192.0.2.9", address: address)],
            kind: .literal(address), expires: .distantFuture)
        #expect(Self.walk(try Self.plan(literal), addresses: [:]).dialled == ["192.0.2.9 192.0.2.9:25"])
        let listed = MailRoute.list([("192.0.2.10", nil, nil), ("mx", 2526, HostAddress("192.0.2.11"))])
        #expect(Self.walk(try Self.plan(listed), addresses: [:]).dialled == ["192.0.2.10 192.0.2.10:25", "mx 192.0.2.11:2526"])
    }

    @Test(
        arguments: [
            (nil, nil, nil, 25), (nil, nil, 2500, 2500), (nil, 2526, 2500, 2526), (2600, 2526, 2500, 2600), (2600, nil, nil, 2600),
        ] as [(Int64?, Int?, Int64?, Int)]) func thePortOfTheSourceGoesBeforeTheHostsBeforeThePaths(
            _ source: Int64?, _ host: Int?, _ path: Int64?, _ expected: Int
        ) throws
    {
        let route = MailRoute.list([("mx", host, HostAddress("192.0.2.1"))])
        let plan = try Self.plan(
            route, path: path.map { ["smtp_port": .integer($0)] } ?? [:], source: source.map { ["remote_port": .integer($0)] } ?? [:])
        #expect(Self.walk(plan, addresses: [:]).dialled == ["mx 192.0.2.1:\(expected)"])
    }

    @Test func theTextOfManyFailuresIsBounded() throws {
        let plan = try Self.plan(Self.route([(10, "a")]))
        let (dialled, failure) = Self.walk(plan, addresses: ["a": (1...60).map { "192.0.2.\($0)" }])
        #expect(dialled.count == 60)
        #expect(failure.reply.oneLine.utf8.count < 600)
    }

    @Test func aRouteWithoutHostsIsTransient() throws {
        let (_, failure) = Self.walk(try Self.plan(Self.route([])), addresses: [:])
        #expect(failure.fate == .transient && failure.reply.oneLine.contains("the route has no host"))
    }

    /// Ends of remembered failures in seconds, nil for a host that the DNS was asked about, 0 for one that is dialled; what the end is.
    @Test(
        arguments: [
            ([60], 60), ([60, 30], 30), ([60, nil], nil), ([nil], nil), ([0], nil), ([60, 0], nil), ([0, 60], nil), ([], nil),
        ] as [([Int64?], Int64?)])
    func whatIsOnlyRememberedIsNoAttempt(_ hosts: [Int64?], _ expected: Int64?) throws {
        let now = MonotonicInstant.now()
        var plan = try Self.plan(Self.route(hosts.indices.map { (10 + $0, "h\($0)") }))
        while true {
            switch plan.next() {
            case .resolve(let host):
                let end = hosts[Int(host.name.dropFirst()) ?? 0]
                if end == 0 {
                    plan.resolved(host, .success([HostAddress("192.0.2.1")].compactMap { $0 }))
                } else {
                    plan.resolved(host, .failure(.noSuchDomain("no")), rememberedUntil: end.map { now + .seconds($0) })
                }
            case .dial: plan.failed("refused")
            case .exhausted(let failure):
                #expect(failure.rememberedUntil == expected.map { now + .seconds($0) })
                #expect(failure.isForAll == (!hosts.isEmpty && !hosts.contains(0)), "what the DNS says holds for all")
                return
            }
        }
    }
}

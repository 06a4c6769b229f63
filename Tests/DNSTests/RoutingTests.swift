import Platform
import Testing

@testable import DNS

@Suite struct RoutingTests {
    @Test(
        arguments: [
            (
                [
                    "gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com", "alt4.gmail-smtp-in.l.google.com",
                    "alt2.gmail-smtp-in.l.google.com",
                    "alt3.gmail-smtp-in.l.google.com",
                ], "(alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com"
            ),
            (["mta7.am0.yahoodns.net", "mta5.am0.yahoodns.net", "mta6.am0.yahoodns.net"], "(mta5|mta6|mta7).am0.yahoodns.net"),
            (["mx.example.com"], "mx.example.com"), (["MX.Example.Com.", "mx.example.com"], "mx.example.com"),
            (["a.one.net", "b.two.org"], "(a.one.net|b.two.org)"),
            (["mx1.a.example.com", "mx2.b.example.com"], "(mx1.a|mx2.b).example.com"),
            (["example.com", "mx.example.com"], "(mx)?.example.com"), (["xexample.com", "example.com"], "(example|xexample).com"),
            (["com", "a.com"], "(a)?.com"), ([], ""),
        ] as [([String], String)])
    func rollsUp(_ hosts: [String], _ expected: String) {
        #expect(SiteName.rollup(hosts) == expected)
        #expect(SiteName.rollup(hosts.reversed()) == expected)
    }

    @Test func differentSetsHaveDifferentNames() {
        #expect(SiteName.rollup(["a.x.net", "b.y.net"]) != SiteName.rollup(["a.y.net", "b.x.net"]))
    }

    @Test(
        arguments: [
            ("example.com", .domain("example.com", port: nil)), ("Example.COM.", .domain("example.com", port: nil)),
            ("example.com:2525", .domain("example.com", port: 2525)), ("[192.0.2.1]", .literal(.v4(0xc000_0201), port: nil)),
            ("[192.0.2.1]:26", .literal(.v4(0xc000_0201), port: 26)), ("[IPv6:::1]", .literal(.v6(high: 0, low: 1), port: nil)),
            ("[ipv6:::1]:65535", .literal(.v6(high: 0, low: 1), port: 65_535)), ("[::1]", .literal(.v6(high: 0, low: 1), port: nil)),
        ] as [(String, Destination)])
    func readsDestinations(_ text: String, _ expected: Destination) { #expect(Destination(text) == expected) }

    @Test(arguments: [
        "", ":25", "example.com:", "example.com:0", "example.com:65536", "example.com:2 5", "example.com:+25", "[", "[]", "[1.2.3]",
        "[1.2.3.4",
        "[1.2.3.4]x", "[1.2.3.4]:", "[IPv6:1.2.3.4]", "1.2.3.4.:x", "a b", "bücher.example", "example.com:25:25", "[IPv6:]",
    ])
    func refusesDestinations(_ text: String) { #expect(Destination(text) == nil) }

    @Test func namesLists() {
        let route = MailRoute.list([("mx1.example.com", nil, nil), ("192.0.2.1", 26, nil)])
        #expect(route.siteName == "mx_list:mx1.example.com,192.0.2.1:26")
        #expect(route.kind == .list && route.expires == .distantFuture)
        #expect(route.hosts.map(\.preference) == [0, 1])
        #expect(route.hosts[1] == MailRoute.Host(preference: 1, name: "192.0.2.1", port: 26, address: .v4(0xc000_0201)))
    }

    private func at(_ nanoseconds: Int64) -> MonotonicInstant { MonotonicInstant(nanoseconds: nanoseconds) }

    @Test func theCacheIsBoundedAndKeepsWhatIsUsed() {
        var cache = GenerationCache<Int, Int>(capacity: 10)
        for n in 0..<1_000 {
            cache.insert(n, for: n, expires: at(100))
            #expect(cache.value(for: 0, now: at(50)) == 0, "after \(n)")
            #expect(cache.count <= 10)
        }
        #expect(cache.value(for: 500, now: at(50)) == nil)
        #expect(cache.value(for: 0, now: at(100)) == nil)
        #expect(cache.value(for: 0, now: at(50)) == nil)
    }

    @Test func flightsAreSharedLimitedAndInOrder() {
        var table = FlightTable<String, Int>(limit: 2, capacity: 10, maxWaiters: 5, maxWait: .nanoseconds(100))
        func join(_ key: String, at now: Int64 = 0) -> String {
            switch table.join(key, now: at(now), waiter: { _ in }) {
            case .hit(let value): "hit \(value)"
            case .joined: "joined"
            case .refused: "refused"
            }
        }
        func next(_ now: Int64 = 0) -> String {
            switch table.nextStart(now: at(now)) {
            case .start(let key): "start \(key)"
            case .expired(let key, let waiters): "expired \(key) \(waiters.count)"
            case .nothing: "nothing"
            }
        }
        #expect(
            [join("a"), join("a"), join("b"), join("c"), join("d"), join("e")] == [
                "joined", "joined", "joined", "joined", "joined", "refused",
            ])
        #expect(table.beginDraining() == true)
        #expect(table.beginDraining() == false)
        #expect([next(), next(), next()] == ["start a", "start b", "nothing"])
        #expect(table.finish("a", 1, expires: at(50)).count == 2)
        #expect(join("a", at: 49) == "hit 1")
        #expect(table.beginDraining() == true)
        #expect([next(), next()] == ["start c", "nothing"])
        #expect(table.finish("b", 2, expires: nil).count == 1)
        #expect(table.beginDraining() == true)
        #expect([next(101), next(101)] == ["expired d 1", "nothing"])
        #expect([join("b", at: 102), join("a", at: 102)] == ["joined", "joined"])
        #expect(table.running == 1)
    }
}

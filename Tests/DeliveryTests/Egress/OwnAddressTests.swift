import DNS
import NIOCore
import Options
import Platform
import SMTP
import Shaping
import TestSupport
import Testing

@testable import Delivery
@testable import Resources

/// What counts as this node itself, and what RFC 5321 5.1 makes of it.
@Suite struct OwnAddressTests {
    @Test(arguments: [
        ("127.0.0.1:25", "127.0.0.1", 25, true), ("127.0.0.1:25", "127.0.0.1", 26, false), ("127.0.0.1:25", "127.0.0.2", 25, false),
        ("127.0.0.1:25", "::ffff:127.0.0.1", 25, true), ("127.0.0.1:25", "0.0.0.0", 25, true), ("127.0.0.1:25", "::1", 25, false),
        ("127.0.0.1:25", "192.0.2.1", 25, false), ("0.0.0.0:25", "127.0.0.1", 25, true), ("0.0.0.0:25", "127.9.8.7", 25, true),
        ("0.0.0.0:25", "::ffff:127.1.2.3", 25, true), ("0.0.0.0:25", "0.0.0.0", 25, true), ("0.0.0.0:25", "::ffff:0.0.0.0", 25, true),
        ("0.0.0.0:25", "192.0.2.1", 25, false), ("0.0.0.0:25", "127.0.0.1", 2525, false), ("0.0.0.0:25", "::1", 25, false),
        ("[::]:25", "::1", 25, true), ("[::]:25", "::", 25, true), ("[::]:25", "2001:db8::1", 25, false), ("[::1]:25", "::", 25, true),
        ("[::]:25", "127.0.0.1", 25, false), ("[fe80::1%eth0]:25", "fe80::1", 25, true), ("?", "127.0.0.1", 25, false),
    ])
    func pairs(_ listener: String, _ address: String, _ port: Int, _ isOwn: Bool) throws {
        let own = OwnAddresses(["192.0.2.77:587", listener])
        #expect(own.contains(try #require(HostAddress(address)), port: port) == isOwn)
    }

    @Test func everyInterfaceIsCoveredByAWildcard() throws {
        let own = OwnAddresses(["0.0.0.0:25", "[::]:25"])
        let addresses = try NIOCore.System.enumerateDevices().compactMap { $0.address?.ipAddress }
        #expect(!addresses.isEmpty)
        for text in addresses {
            let address = try #require(HostAddress(text))
            #expect(own.contains(address, port: 25), "\(text)")
            #expect(!own.contains(address, port: 26))
        }
    }

    // MARK: Plans

    private static let own = OwnAddresses(["192.0.2.1:25", "0.0.0.0:2525"])

    private static func dialled(
        _ hosts: [(Int, String)], _ addresses: [String: [String]], kind: MailRoute.Kind = .mx, path: [String: ConfigValue] = [:],
        seed: UInt64 = 1
    ) throws -> (dialled: [String], failure: DialFailure) {
        var random = SeededGenerator(seed: seed)
        let route = MailRoute(
            siteName: "s", hosts: hosts.map { MailRoute.Host(preference: $0.0, name: $0.1) }, kind: kind, expires: .distantFuture)
        var plan = DialPlan(
            route: route, source: try EgressSourceConfig(["name": "s"]), config: try EgressPathConfig(path), own: own, random: &random)
        var dialled: [String] = []
        while true {
            switch plan.next() {
            case .resolve(let host):
                if let found = addresses[host.name] {
                    plan.resolved(host, .success(found.compactMap { HostAddress($0) }))
                } else {
                    plan.resolved(host, .failure(.temporary("no answer")))
                }
            case .dial(let candidate):
                dialled.append(candidate.address.text)
                plan.failed("refused")
            case .exhausted(let failure): return (dialled.sorted(), failure)
            }
        }
    }

    /// *Value.* MX hosts with their addresses; which are dialled, and whether the message loops.
    struct Row: Sendable {
        var hosts: [(Int, String)]
        var addresses: [String: [String]]
        var dialled: [String]
        var loops: Bool
        init(_ hosts: [(Int, String)], _ addresses: [String: [String]], _ dialled: [String], loops: Bool) {
            self.hosts = hosts
            self.addresses = addresses
            self.dialled = dialled
            self.loops = loops
        }
    }

    private static let a = ["me": ["192.0.2.1"], "x": ["192.0.2.2"], "y": ["192.0.2.3"], "both": ["192.0.2.9", "192.0.2.1"]]

    @Test(arguments: [
        Row([(10, "me")], a, [], loops: true), Row([(10, "me"), (20, "x")], a, [], loops: true),
        Row([(10, "x"), (20, "me")], a, ["192.0.2.2"], loops: false),
        Row([(10, "x"), (20, "me"), (30, "y")], a, ["192.0.2.2"], loops: false),
        Row([(10, "x"), (10, "me")], a, [], loops: true), Row([(10, "x"), (10, "y"), (10, "me")], a, [], loops: true),
        Row([(5, "y"), (10, "x"), (10, "me"), (10, "gone")], a, ["192.0.2.3"], loops: false),
        Row([(10, "both"), (20, "x")], a, [], loops: true), Row([(10, "gone"), (20, "me")], a, [], loops: false),
        Row([(10, "x"), (10, "y")], a, ["192.0.2.2", "192.0.2.3"], loops: false),
    ])
    func hostsAtOrBehindTheNodeAreLeftOut(_ row: Row) throws {
        for seed in 1...30 as ClosedRange<UInt64> {
            let (dialled, failure) = try Self.dialled(row.hosts, row.addresses, seed: seed)
            #expect(dialled == row.dialled, "seed \(seed)")
            #expect((failure.reply.enhanced?.text == "5.4.6") == row.loops, "\(failure.reply.oneLine)")
            #expect((failure.fate == .bounced) == row.loops)
        }
    }

    @Test func theReplyNamesTheListenerAndTheOption() throws {
        let (_, failure) = try Self.dialled([(10, "me")], Self.a)
        #expect(failure.isForAll && failure.reply.code == 554)
        #expect(
            failure.reply.oneLine
                == "554 5.4.6 KumoMTA internal: mail loops back to myself: me[192.0.2.1]:25 is an SMTP listener of this node; "
                + "allow_delivery_to_self of the egress path permits it")
    }

    @Test func anotherPortIsAnotherServer() throws {
        let (dialled, _) = try Self.dialled([(10, "me"), (20, "x")], Self.a, path: ["smtp_port": 26])
        #expect(dialled == ["192.0.2.1", "192.0.2.2"])
    }

    @Test func theOptionPermitsIt() throws {
        let (dialled, _) = try Self.dialled([(10, "me")], Self.a, path: ["allow_delivery_to_self": true])
        #expect(dialled == ["192.0.2.1"])
    }

    /// A list is no preference of the destination: only the entry itself is left out.
    @Test func aListLosesOnlyTheEntry() throws {
        let (dialled, _) = try Self.dialled([(0, "me"), (1, "x")], Self.a, kind: .list)
        #expect(dialled == ["192.0.2.2"])
        let (nobody, failure) = try Self.dialled([(0, "me")], Self.a, kind: .list)
        #expect(nobody.isEmpty && failure.reply.enhanced?.text == "5.4.6")
    }

    @Test func loopbackIsTheNodeBeforeItIsProhibited() throws {
        let (_, failure) = try Self.dialled([(10, "me")], ["me": ["127.0.0.1"]], path: ["smtp_port": 2525])
        #expect(failure.reply.enhanced?.text == "5.4.6")
        let (_, other) = try Self.dialled([(10, "me")], ["me": ["127.0.0.1"]])
        #expect(other.reply.enhanced?.text == "5.4.4")
    }
}

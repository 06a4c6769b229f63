import Redis
import Testing

@testable import Cluster

/// What the signature of an order covers.
struct OrderSealTests {
    static let secret = "a secret of the whole cluster"
    static let now = WallClock.start
    static let seal = OrderSeal(secret: secret, prefix: "apus")
    static let entry = ControlEntry(
        id: "0123", kind: .suspend, scope: ControlScope(domain: "example.com"), reason: "because", issuer: "ops", node: "node-1",
        created: now, expires: now + WallClock.day, version: 7)

    @Test func anOrderComesBackAsItWas() throws {
        let sealed = Self.seal.seal(Self.entry.json, now: Self.now)
        #expect(Self.seal.verdict(sealed[...], now: Self.now) == .valid(signed: Self.now))
        #expect(ControlEntry(json: sealed[...]) == Self.entry, "a node without the secret reads it too")
        #expect(Self.seal.verdict(Self.entry.json[...], now: Self.now) == .unsigned)
    }

    @Test func everyByteCounts() {
        let sealed = Self.seal.seal(Self.entry.json, now: Self.now)
        for index in sealed.indices {
            var altered = sealed
            altered[index] ^= 1
            let verdict = Self.seal.verdict(altered[...], now: Self.now)
            #expect(verdict == .forged || verdict == .unsigned, "byte \(index): \(verdict)")
            altered.removeSubrange(index...)
            #expect(Self.seal.verdict(altered[...], now: Self.now) == .unsigned, "cut at \(index)")
        }
    }

    @Test func anotherFieldIsAnotherOrder() {
        var other = Self.entry
        let changes: [(inout ControlEntry) -> Void] = [
            { $0.id = "0124" }, { $0.kind = .bounce }, { $0.scope.domain = nil }, { $0.scope.isEverything = true }, { $0.scope.node = "n" },
            { $0.expires = nil }, { $0.version = 8 }, { $0.node = "node-2" }, { $0.isRemoved = true }, { $0.created += 1 },
        ]
        let tail = Self.seal.seal(Self.entry.json, now: Self.now).dropFirst(Self.entry.json.count - 1)
        for change in changes {
            other = Self.entry
            change(&other)
            #expect(Self.seal.verdict((other.json.dropLast() + tail)[...], now: Self.now) == .forged)
        }
    }

    @Test func prefixSecretAndTimeAreLookedAt() {
        let sealed = Self.seal.seal(Self.entry.json, now: Self.now)
        #expect(OrderSeal(secret: Self.secret, prefix: "other").verdict(sealed[...], now: Self.now) == .forged)
        #expect(OrderSeal(secret: "another secret, as long", prefix: "apus").verdict(sealed[...], now: Self.now) == .forged)
        let rotated = OrderSeal(secret: "another secret, as long", previous: Self.secret, prefix: "apus")
        #expect(rotated.verdict(sealed[...], now: Self.now) == .valid(signed: Self.now))
        #expect(Self.seal.verdict(sealed[...], now: Self.now + 2 * WallClock.day + 1) == .stale)
        #expect(Self.seal.verdict(sealed[...], now: Self.now - 2 * WallClock.day) == .stale)
    }

    /// HMAC-SHA256 as RFC 4231 and every library compute it: `printf 'apus order 1\0apus\0{"a":1,"signed":5' | openssl dgst -sha256 -hmac …`.
    @Test func theFormatIsWhatTheDocumentsSay() {
        let sealed = String(decoding: Self.seal.seal(Array(#"{"a":1}"#.utf8), now: 5), as: UTF8.self)
        #expect(sealed.hasPrefix(#"{"a":1,"signed":5,"mac":""#) && sealed.hasSuffix("\"}"))
        #expect(sealed.count == #"{"a":1,"signed":5,"mac":""}"#.count + 64)
    }
}

/// Nodes that sign, and somebody who can write to the store.
struct ForgedOrderTests {
    static let key = "apus:1:{c}:entries"
    static let stream = "apus:1:{c}:events"

    private static func cluster(_ count: Int) throws -> FakeCluster {
        try FakeCluster(count, seal: OrderSeal(secret: OrderSealTests.secret, prefix: "apus"))
    }

    /// Writes a value as somebody would who knows how the store is laid out.
    private static func plant(_ cluster: FakeCluster, _ id: String, _ entry: ControlEntry, _ json: [UInt8]) {
        cluster.store.now += 1
        let event = "\(cluster.store.now)-0"
        cluster.store.content.hashes[key, default: [:]][id] = Array("\(entry.version) \(entry.node) \(event) ".utf8) + json
        cluster.store.content.streams[stream, default: []].append((event, id))
    }

    private static func order(_ cluster: FakeCluster, _ id: String = "planted", version: Int64 = 50) -> ControlEntry {
        ControlEntry(
            id: id, kind: .bounce, scope: ControlScope(isEverything: true), issuer: "127.0.0.1", node: "node-0", created: cluster.wall.now,
            version: version)
    }

    @Test func ordersOfNodesArrive() throws {
        let cluster = try Self.cluster(3)
        let made = try cluster.state(0).issue(ControlEntry(kind: .suspend, scope: ControlScope(domain: "a"), issuer: "t"))
        cluster.pass(milliseconds: 5000)
        for index in 0..<3 { #expect(cluster.state(index).entry(id: made.id) == made) }
        #expect(try cluster.state(2).remove(id: made.id, issuer: "t"))
        cluster.pass(milliseconds: 5000)
        for index in 0..<3 {
            #expect(cluster.state(index).entry(id: made.id) == nil)
            #expect(cluster.state(index).status.forged == 0)
        }
    }

    @Test(arguments: ["unsigned", "another secret", "another prefix", "another id", "a changed scope"])
    func whatNobodySignedIsRefused(_ how: String) throws {
        let cluster = try Self.cluster(2)
        cluster.pass(milliseconds: 3000)
        var entry = Self.order(cluster)
        var json = entry.json
        switch how {
        case "another secret": json = OrderSeal(secret: "guessed, and wrong of course", prefix: "apus").seal(json, now: cluster.wall.now)
        case "another prefix": json = OrderSeal(secret: OrderSealTests.secret, prefix: "test").seal(json, now: cluster.wall.now)
        case "another id", "a changed scope":
            let real = try cluster.state(0).issue(ControlEntry(kind: .suspend, scope: ControlScope(domain: "a"), issuer: "t"))
            cluster.pass(milliseconds: 3000)
            let stored = try #require(cluster.store.content.hashes[Self.key]?[real.id])
            json = Array(try #require(stored.split(separator: 0x20, maxSplits: 3).last))
            entry = real
            if how == "a changed scope" {
                json = Array(String(decoding: json, as: UTF8.self).replacing("\"domain\":\"a\"", with: "\"everything\":true").utf8)
                entry.version += 1
                json = Array(
                    String(decoding: json, as: UTF8.self).replacing("\"version\":\(real.version)", with: "\"version\":\(entry.version)")
                        .utf8)
            }
        default: break
        }
        let before = cluster.views
        Self.plant(cluster, how == "a changed scope" ? entry.id : "planted", entry, json)
        cluster.pass(milliseconds: 6000)
        #expect(cluster.views == before)
        if how != "another id" { #expect(cluster.state(0).status.forged > 0 && cluster.state(1).status.forged > 0) }
    }

    @Test func anOrderThatWasWithdrawnDoesNotComeBack() throws {
        let cluster = try Self.cluster(2)
        let made = try cluster.state(0).issue(ControlEntry(kind: .suspend, scope: ControlScope(domain: "a"), issuer: "t"))
        cluster.pass(milliseconds: 5000)
        let old = try #require(cluster.store.content.hashes[Self.key]?[made.id])
        #expect(try cluster.state(1).remove(id: made.id, issuer: "t"))
        cluster.pass(milliseconds: 5000)
        Self.plant(cluster, made.id, made, Array(try #require(old.split(separator: 0x20, maxSplits: 3).last)))
        cluster.pass(milliseconds: 5000)
        for index in 0..<2 { #expect(cluster.state(index).entry(id: made.id) == nil) }
        // And long after, when nobody remembers the removal.
        cluster.skip(days: 30)
        cluster.pass(milliseconds: 5000)
        Self.plant(cluster, made.id, made, Array(try #require(old.split(separator: 0x20, maxSplits: 3).last)))
        cluster.pass(milliseconds: 5000)
        for index in 0..<2 { #expect(cluster.state(index).entry(id: made.id) == nil) }
    }

    @Test func anOrderThatSomebodyOverwroteIsPutBack() throws {
        let cluster = try Self.cluster(2)
        let made = try cluster.state(0).issue(ControlEntry(kind: .suspend, scope: ControlScope(domain: "a"), issuer: "t"))
        cluster.pass(milliseconds: 5000)
        var lifted = made
        lifted.isRemoved = true
        lifted.version += 100
        Self.plant(cluster, made.id, lifted, lifted.json)
        cluster.pass(milliseconds: 10_000)
        for index in 0..<2 { #expect(cluster.state(index).entry(id: made.id) != nil, "a suspension is lifted by nodes only") }
        let stored = StoredEntry(.bytes(try #require(cluster.store.content.hashes[Self.key]?[made.id])))
        #expect(stored.entry == made)
    }

    @Test func signaturesAreRenewedWhileAnOrderLives() throws {
        let cluster = try Self.cluster(2)
        let made = try cluster.state(0).issue(ControlEntry(kind: .suspend, scope: ControlScope(domain: "a"), issuer: "t"))
        cluster.pass(milliseconds: 5000)
        for _ in 0..<3 {
            cluster.skip(days: 1)
            cluster.pass(milliseconds: 900_000)  // the whole store is compared every ten minutes or so
        }
        let stored = StoredEntry(.bytes(try #require(cluster.store.content.hashes[Self.key]?[made.id])))
        let seal = OrderSeal(secret: OrderSealTests.secret, prefix: "apus")
        guard case .valid = seal.verdict(stored.json, now: cluster.wall.now) else {
            Issue.record("\(seal.verdict(stored.json, now: cluster.wall.now))")
            return
        }
        #expect(cluster.state(0).entry(id: made.id) != nil && cluster.state(1).entry(id: made.id) != nil)
    }

    @Test func theSecretIsIntroducedNodeByNode() throws {
        let accepting = OrderSeal(secret: OrderSealTests.secret, prefix: "apus", acceptsUnsigned: true)
        let cluster = try FakeCluster(2)
        let made = try cluster.state(0).issue(ControlEntry(kind: .suspend, scope: ControlScope(domain: "a"), issuer: "t"))
        cluster.pass(milliseconds: 5000)
        func restart(_ index: Int, _ seal: OrderSeal?) throws {
            cluster.state(index).writeOutbox()
            cluster.crash(index)
            cluster.seals[index] = seal
            try cluster.start(index)
            cluster.pass(milliseconds: 900_000)
            for other in 0..<2 { #expect(cluster.state(other).entry(id: made.id) == made) }
        }
        for index in 0..<2 { try restart(index, accepting) }
        for index in 0..<2 { try restart(index, OrderSeal(secret: OrderSealTests.secret, prefix: "apus")) }
        let next = try cluster.state(1).issue(ControlEntry(kind: .suspend, scope: ControlScope(domain: "b"), issuer: "t"))
        cluster.pass(milliseconds: 5000)
        for index in 0..<2 { #expect(cluster.state(index).entry(id: next.id) == next) }
        #expect(cluster.state(0).status.forged == 0)
    }
}

import Platform
import Testing

@testable import Cluster

@Suite struct ControlScopeTests {
    static let queue = QueueParts(
        name: "camp:ten@example.com!relay.example", campaign: "camp", tenant: "ten", domain: "example.com", routingDomain: "relay.example")

    @Test(arguments: [
        (ControlScope(), false), (ControlScope(isEverything: true), true), (ControlScope(domain: "Example.COM"), true),
        (ControlScope(domain: "example.org"), false), (ControlScope(routingDomain: "relay.example"), true),
        (ControlScope(tenant: "ten"), true),
        (ControlScope(tenant: "Ten"), false), (ControlScope(campaign: "camp"), true), (ControlScope(campaign: "other"), false),
        (ControlScope(domain: "example.com", tenant: "ten", campaign: "camp"), true),
        (ControlScope(domain: "example.com", tenant: "x"), false),
        (ControlScope(queues: ["a", "camp:ten@example.com!relay.example"]), true), (ControlScope(queues: ["a"]), false),
        (ControlScope(tenant: "x", queues: ["camp:ten@example.com!relay.example"]), false), (ControlScope(path: "p"), false),
        (ControlScope(domain: "example.com", path: "p"), false), (ControlScope(node: "n"), false),
        (ControlScope(domain: "x", isEverything: true), false),
    ])
    func `all given criteria must match`(scope: ControlScope, isMatch: Bool) {
        let scope = scope.normalized
        #expect(scope.matches(queue: Self.queue) == isMatch)
        let entry = ControlEntry(id: "x", kind: .suspend, scope: scope, node: "n", version: 1)
        #expect((ControlIndex([entry], node: scope.node ?? "me").entry(for: Self.queue, now: .distantPast) != nil) == isMatch)
    }

    @Test func `a queue without parts meets only what asks for none`() {
        let plain = QueueParts(name: "example.com", domain: "example.com")
        #expect(ControlScope(domain: "example.com").matches(queue: plain))
        #expect(!ControlScope(tenant: "ten").matches(queue: plain))
        #expect(!ControlScope(domain: "example.com", routingDomain: "r").matches(queue: plain))
    }

    @Test(arguments: [
        (ControlScope(path: "a"), true), (ControlScope(path: "b"), false), (ControlScope(isEverything: true), true),
        (ControlScope(), false),
        (ControlScope(domain: "a"), false), (ControlScope(domain: "a", path: "a"), false),
    ])
    func `a path is matched whole`(scope: ControlScope, isMatch: Bool) {
        #expect(scope.matches(path: "a") == isMatch)
        let entry = ControlEntry(id: "x", kind: .suspendPath, scope: scope, node: "n", version: 1)
        #expect((ControlIndex([entry], node: "me").entry(forPath: "a", now: .distantPast) != nil) == isMatch)
    }

    /// The index against asking every entry.
    @Test(arguments: UInt64(0)..<50) func `the index finds what a search of all entries finds`(seed: UInt64) {
        var random = SeededRandom(seed)
        func maybe(_ names: [String]) -> String? { random.oneIn(2) ? names.randomElement(using: &random) : nil }
        let entries = (0..<30).map { number in
            ControlEntry(
                id: "e\(number)", kind: .suspend,
                scope: ControlScope(
                    domain: maybe(["a", "b"]), routingDomain: maybe(["r"]), tenant: maybe(["s", "t"]), campaign: maybe(["c"]),
                    queues: random.oneIn(4) ? ["q1", "q2"] : [], node: maybe(["me", "you"]), isEverything: random.oneIn(9)),
                node: "n", expires: random.oneIn(2) ? Int64.random(in: 1...20, using: &random) : nil, version: 1, isRemoved: random.oneIn(5)
            ).learned(wall: 0, steady: MonotonicInstant(nanoseconds: 0))
        }
        let index = ControlIndex(entries, node: "me")
        let now = MonotonicInstant(nanoseconds: 10)
        for name in ["q1", "q3"] {
            for domain in ["a", "c"] {
                for tenant in ["s", "u", nil] {
                    let queue = QueueParts(name: name, campaign: "c", tenant: tenant, domain: domain, routingDomain: "r")
                    let expected = entries.filter {
                        $0.isLive(at: now) && ($0.scope.node ?? "me") == "me" && $0.scope.matches(queue: queue)
                    }
                    .min { ($1.expires ?? .max, $0.id) < ($0.expires ?? .max, $1.id) }
                    #expect(index.entry(for: queue, now: now)?.id == expected?.id, "seed \(seed)")
                }
            }
        }
    }
}

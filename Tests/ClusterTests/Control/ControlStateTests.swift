import Redis
import Synchronization
import Testing

@testable import Cluster

@Suite struct ControlStateTests {
    private let scratch = ScratchDirectory()
    private let wall = WallClock()
    private let queue = QueueParts(name: "ten@example.com", tenant: "ten", domain: "example.com")

    private func open(node: String = "node-a") throws -> ControlState {
        try ControlState(directory: scratch.sub(node), node: node, writesItself: false, clock: wall.read, steady: wall.readSteady)
    }

    @Test func `transcript: a suspension acts until it ends`() throws {
        let state = try open()
        #expect(state.suspension(of: queue) == nil)
        let made = try state.issue(
            ControlEntry(
                kind: .suspend, scope: ControlScope(domain: "EXAMPLE.com"), reason: "r", issuer: "i",
                expires: wall.now + 60 * WallClock.second))
        #expect(made.id.utf8.count == 32)
        #expect(made.node == "node-a")
        #expect(made.created == wall.now)
        #expect(made.version == 1)
        #expect(state.suspension(of: queue) == made)
        #expect(state.bounce(of: queue) == nil)
        #expect(state.isPending(id: made.id))
        wall.advance(seconds: 59)
        #expect(state.suspension(of: queue) == made)
        let generation = state.generation
        wall.advance(seconds: 1)
        #expect(state.suspension(of: queue) == nil)
        #expect(state.entries.isEmpty)
        state.expire()
        #expect(state.generation != generation)
        #expect(state.status.entries == 0)
    }

    /// Whatever happens to the wall clock meanwhile, a rule lasts as long as it was given.
    @Test(arguments: [-60, 60, -7200, 7200, -86_400 * 300, 86_400 * 3650, 0] as [Int64])
    func `a rule lasts its duration while the wall clock is set`(step: Int64) throws {
        let state = try open()
        let made = try state.issue(
            ControlEntry(kind: .suspend, scope: ControlScope(domain: "example.com"), expires: wall.now + 60 * WallClock.second))
        wall.step(seconds: step)
        wall.advance(seconds: 59)
        state.expire()
        #expect(state.suspension(of: queue) == made)
        #expect(state.remaining(made) == .seconds(1))
        wall.advance(seconds: 1)
        state.expire()
        #expect(state.entries.isEmpty)
    }

    /// After a restart only the wall clock is left: what remains is never more than was given.
    @Test(
        arguments: [(-60, 60), (-7200, 60), (-86_400 * 3650, 60), (0, 30), (20, 10), (60, nil), (86_400 * 3650, nil)] as [(Int64, Int64?)])
    func `a restart prolongs no rule`(step: Int64, left: Int64?) throws {
        let made = try open().issue(
            ControlEntry(kind: .suspend, scope: ControlScope(domain: "example.com"), expires: wall.now + 60 * WallClock.second))
        wall.advance(seconds: 30)
        wall.step(seconds: step)
        let again = try open()
        let entry = again.entry(id: made.id)
        #expect(entry.flatMap { again.remaining($0) } == left.map { .seconds($0) })
    }

    /// A machine without a clock can issue rules, and starts again with them.
    @Test(arguments: [0, 1_000_000_000, 86_400_000_000_000, -1_000_000_000_000] as [Int64])
    func `rules can be issued before 2020`(now: Int64) throws {
        wall.now = now
        let state = try open()
        let made = try state.issue(
            ControlEntry(kind: .suspend, scope: ControlScope(domain: "example.com"), expires: state.clock() + 60 * WallClock.second))
        #expect(state.suspension(of: queue) == made)
        #expect(try open().suspension(of: queue) == made)
    }

    @Test func `kinds do not mix, and other nodes' rules have no effect here`() throws {
        let state = try open()
        _ = try state.issue(ControlEntry(id: "b", kind: .bounce, scope: ControlScope(tenant: "ten")))
        _ = try state.issue(ControlEntry(id: "p", kind: .suspendPath, scope: ControlScope(path: "src->mx")))
        _ = try state.issue(ControlEntry(id: "o", kind: .suspend, scope: ControlScope(node: "node-b", isEverything: true)))
        #expect(state.suspension(of: queue) == nil)
        #expect(state.bounce(of: queue)?.id == "b")
        #expect(state.pathSuspension("src->mx")?.id == "p")
        #expect(state.pathSuspension("src->my") == nil)
        #expect(try state.remove(id: "b", issuer: "i"))
        #expect(try !state.remove(id: "b", issuer: "i"))
        #expect(try !state.remove(id: "never", issuer: "i"))
        #expect(state.bounce(of: queue) == nil)
        #expect(try !state.remove(id: "b", issuer: "i"))
    }

    @Test func `listeners hear of what was added, changed, removed and ended`() throws {
        let state = try open()
        let heard = Mutex<[String]>([])
        let wall = wall
        state.onChange { entries in
            heard.withLock { heard in heard += entries.map { "\($0.id) v\($0.version) \($0.isLive(at: wall.steady) ? "live" : "over")" } }
        }
        _ = try state.issue(ControlEntry(id: "x", kind: .warmup))
        _ = try state.issue(ControlEntry(id: "x", kind: .warmup, expires: wall.now + 10 * WallClock.second))
        _ = try state.issue(ControlEntry(id: "y", kind: .warmup))
        _ = try state.remove(id: "y", issuer: "i")
        wall.advance(seconds: 11)
        state.expire()
        state.expire()
        #expect(heard.withLock { $0 } == ["x v1 live", "x v2 live", "y v3 live", "y v4 over", "x v2 over"])
    }

    @Test(arguments: [
        ControlEntry(kind: .suspend), ControlEntry(kind: .bounce, scope: ControlScope(node: "n")),
        ControlEntry(kind: .suspend, scope: ControlScope(path: "p")), ControlEntry(kind: .suspendPath, scope: ControlScope(domain: "a")),
        ControlEntry(kind: .suspend, scope: ControlScope(domain: "a"), expires: WallClock.start),
        ControlEntry(kind: .suspend, scope: ControlScope(domain: "a"), expires: .max), ControlEntry(id: "a b", kind: .warmup),
        ControlEntry(kind: .warmup, payload: String(repeating: "x", count: 16_385)),
        // Control characters are spelled out in JSON: six bytes each.
        ControlEntry(kind: .warmup, payload: String(repeating: "\u{1}", count: 16_000)),
    ])
    func `bad entries are refused in a sentence`(entry: ControlEntry) throws {
        let state = try open()
        let error = #expect(throws: ControlError.self) { _ = try state.issue(entry) }
        #expect(error?.code == .invalid)
        #expect(error?.remedy.isEmpty == false)
        #expect(state.entries.isEmpty)
        #expect(state.generation == 1)
    }

    @Test func `ten thousand live entries, then a clear error, and room after a removal`() throws {
        let state = try open()
        let values = (1...ControlBounds.entries).map { number in
            StoredEntry(
                FakeStore.stored(
                    ControlEntry(
                        id: "e\(number)", kind: .suspend, scope: ControlScope(domain: "d\(number)"), node: "b", created: wall.now,
                        version: Int64(number))))
        }
        state.merge(values)
        #expect(state.status.entries == ControlBounds.entries)
        let error = #expect(throws: ControlError.self) { _ = try state.issue(ControlEntry(kind: .warmup)) }
        #expect(error?.code == .full)
        _ = try state.issue(ControlEntry(id: "e7", kind: .warmup))
        #expect(try state.remove(id: "e7", issuer: "i"))
        _ = try state.issue(ControlEntry(kind: .warmup))
        #expect(state.suspension(of: QueueParts(name: "d9", domain: "d9"))?.id == "e9")
        state.writeOutbox()
        #expect(try open().entries == state.entries)
    }

    @Test func `a tombstone of an entry with an end does not outlive it by days`() throws {
        let state = try open()
        _ = try state.issue(ControlEntry(id: "short", kind: .warmup, expires: wall.now + 60 * WallClock.second))
        _ = try state.issue(ControlEntry(id: "long", kind: .warmup))
        _ = try state.remove(id: "short", issuer: "i")
        _ = try state.remove(id: "long", issuer: "i")
        #expect(state.status.tombstones == 2)
        wall.advance(seconds: 2 * 3_600)
        state.expire()
        #expect(state.status.tombstones == 1)
        wall.now += 7 * WallClock.day
        state.expire()
        #expect(state.status.tombstones == 0)
    }

    @Test func `values of the store that are wrong are counted and do no harm`() throws {
        let state = try open()
        let good = ControlEntry(id: "good", kind: .warmup, node: "b", created: wall.now, version: 3)
        var future = good
        future.created = wall.now + 2 * WallClock.day
        let values = [
            "", "x", "1 b", "1 b 1-1 {}", "-1 b 1-1 {\(ControlEntryTests.least)}", "99999999999999999999 b 1-1 {}",
            "4 b 1-1 \(String(decoding: good.json, as: UTF8.self))",
        ]
        .map { StoredEntry(FakeStore.text($0)) }
        state.merge(values + [StoredEntry(FakeStore.stored(future)), StoredEntry(.null), StoredEntry(FakeStore.stored(good))])
        #expect(state.entries == [good])
        #expect(state.status.refused == values.count + 2)
    }

    @Test func `issuing from many threads loses nothing`() async throws {
        let state = try ControlState(directory: scratch.sub("many"), node: "node-a", clock: wall.read, steady: wall.readSteady)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask { @concurrent in
                    for number in 0..<50 {
                        let made = try state.issue(
                            ControlEntry(id: "w\(worker)-\(number)", kind: .suspend, scope: ControlScope(domain: "d\(worker)")))
                        state.acknowledge(made, event: nil)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(state.entries.count == 200)
        #expect(Set(state.entries.map(\.version)).count == 200)
        state.writeOutbox()
        let again = try ControlState(
            directory: scratch.sub("many"), node: "node-a", writesItself: false, clock: wall.read, steady: wall.readSteady)
        #expect(again.entries == state.entries)
        #expect(again.status.pending == 0)
    }
}

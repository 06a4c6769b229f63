import Platform
import Testing

@testable import Cluster

@Suite struct ControlTableTests {
    private static let now = WallClock.start

    private func entry(_ id: String, _ version: Int64, _ node: String = "a", removed: Bool = false, expires: Int64? = nil) -> ControlEntry {
        ControlEntry(id: id, kind: .warmup, node: node, created: Self.now, expires: expires, version: version, isRemoved: removed)
    }

    @Test func `transcript: the later change counts, whatever comes first`() {
        var table = ControlTable()
        #expect(table.merge(entry("x", 5), bytes: 10, isPending: false) == .changed)
        #expect(table.merge(entry("x", 4, "z"), bytes: 10, isPending: false) == .older)
        #expect(table.merge(entry("x", 5), bytes: 10, isPending: false) == .same(wasPending: false))
        #expect(table.merge(entry("x", 5, "b"), bytes: 20, isPending: false) == .changed)
        #expect(table.liveCount == 1)
        #expect(table.bytes == 20)
        #expect(table.merge(entry("x", 6, removed: true), bytes: 5, isPending: false) == .changed)
        #expect(table.liveCount == 0)
        #expect(table.merge(entry("x", 5, "c"), bytes: 10, isPending: false) == .older)
        #expect(table.nextVersion == 7)
        table.observe(100)
        table.observe(.max)
        #expect(table.nextVersion == 101)
        table.observe(ControlBounds.version)
        #expect(table.nextVersion == nil)
    }

    @Test func `transcript: pending until the very version is acknowledged`() {
        var table = ControlTable()
        _ = table.merge(entry("x", 1), bytes: 1, isPending: true, isFresh: true)
        _ = table.merge(entry("x", 2), bytes: 1, isPending: true, isFresh: true)
        #expect(table.acknowledge(id: "x", version: 1, node: "a", event: nil) == false)
        #expect(table.pending == ["x"])
        #expect(table.acknowledge(id: "x", version: 2, node: "a", event: nil) == true)
        #expect(table.acknowledge(id: "x", version: 2, node: "a", event: nil) == false)
        #expect(table.pending.isEmpty)
        _ = table.merge(entry("y", 3), bytes: 1, isPending: true, isFresh: true)
        table.doubt(id: "y", version: 2)
        #expect(table.held["y"]?.isFresh == true)
        table.doubt(id: "y", version: 3)
        #expect(table.held["y"]?.isFresh == false)
        #expect(table.merge(entry("y", 3), bytes: 1, isPending: false) == .same(wasPending: true))
        #expect(table.pending.isEmpty)
    }

    @Test func `transcript: a change is settled when its event is met again, and owed again when reading passes it by`() {
        func position(_ event: String) -> ControlPosition { ControlPosition(epoch: "e", event: event) }
        var table = ControlTable()
        #expect(table.advance(to: position("10-0"), isEnd: true) == 0)
        for id in ["met", "lost", "read", "old"] { _ = table.merge(entry(id, 1), bytes: 1, isPending: true, isFresh: true) }
        #expect(table.acknowledge(id: "old", version: 1, node: "a", event: EventID("9-5")) == true)
        #expect(table.acknowledge(id: "met", version: 1, node: "a", event: EventID("10-1")) == false)
        #expect(table.acknowledge(id: "lost", version: 1, node: "a", event: EventID("10-2")) == false)
        #expect(table.acknowledge(id: "read", version: 1, node: "a", event: EventID("12-0")) == false)
        #expect(table.pending.isEmpty)
        #expect(table.merge(entry("met", 1), bytes: 1, isPending: false) == .same(wasPending: true))
        #expect(table.advance(to: position("11-0"), isEnd: false) == 1)
        #expect(table.pending == ["lost"])
        #expect(table.unread.keys.sorted() == ["read"])
        #expect(table.merge(entry("read", 1), bytes: 1, isPending: false) == .same(wasPending: true))
        #expect(table.advance(to: position("100-0"), isEnd: true) == 0)
        // The end of the stream is lost and nothing follows: the first reading may have been asked before, the second was not.
        #expect(table.acknowledge(id: "lost", version: 1, node: "a", event: EventID("200-0")) == false)
        #expect(table.advance(to: position("100-0"), isEnd: true) == 0)
        #expect(table.advance(to: position("100-0"), isEnd: false) == 0)
        #expect(table.advance(to: position("100-0"), isEnd: true) == 1)
        #expect(table.pending == ["lost"])
    }

    @Test(arguments: [("1-2", "1-10", true), ("9-0", "10-0", true), ("5-5", "5-5", false), ("6-0", "5-9", false)])
    func `event ids are numbers`(left: String, right: String, isLess: Bool) throws {
        #expect(try (#require(EventID(left)) < #require(EventID(right))) == isLess)
    }

    @Test(arguments: ["", "-", "1", "1-", "-1", "1-2-3", "a-1", "99999999999999999999-0"])
    func `other texts are no event ids`(text: String) { #expect(EventID(text) == nil) }

    private func ending(_ id: String, _ version: Int64, at expires: Int64) -> ControlEntry {
        var entry = entry(id, version, expires: expires)
        entry.created = 0
        return entry.learned(wall: 0, steady: at(0))
    }

    private func at(_ nanoseconds: Int64) -> MonotonicInstant { MonotonicInstant(nanoseconds: nanoseconds) }

    @Test func `what has ended is forgotten, and only that`() {
        var table = ControlTable()
        _ = table.merge(ending("a", 1, at: 100), bytes: 1, isPending: true)
        _ = table.merge(ending("b", 2, at: 200), bytes: 1, isPending: false)
        _ = table.merge(entry("c", 3), bytes: 1, isPending: false)
        #expect(table.expire(now: at(99)).isEmpty)
        #expect(table.expire(now: at(100)).map(\.id) == ["a"])
        #expect(table.pending.isEmpty)
        #expect(table.expire(now: at(150)).isEmpty)
        #expect(table.expire(now: at(250)).map(\.id) == ["b"])
        #expect(table.held.count == 1)
        #expect(table.bytes == 1)
    }

    @Test(
        arguments: [
            // days away, same store, and whether an acknowledged entry that the store lacks is given back.
            (0, true, true), (5, true, true), (7, true, false), (7, false, true), (400, false, true),
        ] as [(Int64, Bool, Bool)])
    func `what the store lacks was lost or removed`(days: Int64, isSame: Bool, isOwed: Bool) {
        var table = ControlTable()
        _ = table.merge(entry("known", 1), bytes: 1, isPending: false)
        _ = table.merge(entry("mine", 2), bytes: 1, isPending: true)
        _ = table.merge(entry("there", 3), bytes: 1, isPending: false)
        _ = table.merge(entry("stale", 4), bytes: 1, isPending: false)
        table.contact = Self.now - days * WallClock.day
        let seen = ["there": ControlStamp(version: 3, node: "a"), "stale": ControlStamp(version: 3, node: "z")]
        let result = table.reconcile(seen: seen, isSameStore: isSame, now: Self.now)
        #expect(result.owed == (isOwed ? 2 : 1))
        #expect(result.dropped.map(\.id) == (isOwed ? [] : ["known"]))
        #expect(table.pending == (isOwed ? ["known", "mine", "stale"] : ["mine", "stale"]))
        #expect(table.reconcile(seen: seen, isSameStore: isSame, now: Self.now).owed == 0)
    }

    @Test func `no more is kept than the bounds allow`() {
        var table = ControlTable()
        for number in 0..<ControlBounds.kept { _ = table.merge(entry("e\(number)", 1), bytes: 1, isPending: false) }
        #expect(table.merge(entry("more", 1), bytes: 1, isPending: false) == .full)
        #expect(table.merge(entry("e0", 2), bytes: 1, isPending: false) == .changed)
        #expect(table.merge(entry("e0", 3), bytes: ControlBounds.keptBytes, isPending: false) == .full)
        #expect(table.held["e0"]?.entry.version == 2)
        #expect(!table.hasRoom(for: "more", bytes: 1))
    }
}

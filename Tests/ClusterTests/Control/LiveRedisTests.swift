import NIOCore
import Redis
import Synchronization
import Telemetry
import Testing

@testable import Cluster

/// The same with a real redis-server.
@Suite(.serialized) struct LiveRedisTests {
    /// One node of the control plane.
    private struct Node {
        let client: RedisClient
        let bus: ClientBus
        let state: ControlState
        let sync: ControlSync

        init(_ name: String, _ redis: LiveRedis, _ scratch: ScratchDirectory, interval: TimeAmount = .seconds(2)) async throws {
            client = try await redis.client(name)
            bus = ClientBus(client)
            state = try ControlState(directory: scratch.sub(name), node: name, clock: { SystemClock.unixNanoseconds() })
            sync = ControlSync(state: state, bus: bus, client: client, loop: client.eventLoop, prefix: "apus", interval: interval)
            sync.start()
        }

        func close() async {
            sync.stop()
            await client.close()
            state.writeOutbox()
        }
    }

    private let queue = QueueParts(name: "example.com", domain: "example.com")
    private let rule = ControlEntry(kind: .suspend, scope: ControlScope(domain: "example.com"), reason: "test", issuer: "test")

    @Test func `a suspension reaches the other node by a hint, survives FLUSHALL, a restart of the store and of all nodes`() async throws {
        let redis = try await LiveRedis()
        let scratch = ScratchDirectory()
        // The poll is a minute away: only the hint can be in time.
        let a = try await Node("a", redis, scratch, interval: .seconds(60))
        let b = try await Node("b", redis, scratch, interval: .seconds(60))
        #expect(await eventually { a.state.status.wholeReads >= 1 && b.state.status.wholeReads >= 1 })
        #expect(await eventually { await subscribers(a.bus) == 2 })
        let start = ContinuousClock.now
        let made = try a.state.issue(rule)
        #expect(await eventually(within: .seconds(1)) { b.state.suspension(of: queue) == made })
        print("hint to effect:", ContinuousClock.now - start)
        #expect(await eventually { !a.state.isPending(id: made.id) })

        #expect(await a.bus.run(["FLUSHALL"]) == .success(.simple("OK")))
        b.sync.poll()
        #expect(await eventually { await stored(b.bus) == 1 })
        #expect(b.state.status.republished == 1)

        // A node that was away: it is cut off, and misses a rule and a removal.
        b.bus.isCut.store(true, ordering: .relaxed)
        let second = try a.state.issue(ControlEntry(id: "second", kind: .warmup, payload: "1"))
        #expect(try a.state.remove(id: made.id, issuer: "test"))
        #expect(await eventually { a.state.status.pending == 0 })
        #expect(b.state.suspension(of: queue) == made)
        b.bus.isCut.store(false, ordering: .relaxed)
        b.sync.poll()
        #expect(await eventually { b.state.entries == [second] })

        // Everything stops, and the store comes back empty.
        await a.close()
        await b.close()
        redis.kill()
        try redis.start()
        let again = try await Node("b", redis, scratch)
        let new = try await Node("c", redis, scratch)
        #expect(await eventually { new.state.entries == [second] })
        #expect(again.state.entries == [second])
        #expect(again.state.status.tombstones == 1)
        await again.close()
        await new.close()
    }

    private func subscribers(_ bus: ClientBus) async -> Int64? {
        (try? await bus.run(["PUBSUB", "NUMSUB", "apus:1:{c}:hints"]).get())?.array?.last?.integer
    }

    private func stored(_ bus: ClientBus) async -> Int64? { (try? await bus.run(["HLEN", "apus:1:{c}:entries"]).get())?.integer }

    @Test func `a rule issued while the store is down is published when it is back`() async throws {
        let redis = try await LiveRedis()
        let scratch = ScratchDirectory()
        let a = try await Node("a", redis, scratch, interval: .milliseconds(200))
        let b = try await Node("b", redis, scratch, interval: .milliseconds(200))
        redis.kill()
        let made = try a.state.issue(rule)
        #expect(a.state.suspension(of: queue) == made)
        #expect(a.state.isPending(id: made.id))
        try redis.start()
        #expect(await eventually { b.state.suspension(of: queue) == made })
        #expect(await eventually { !a.state.isPending(id: made.id) })
        await a.close()
        await b.close()
    }

    @Test func `members see each other, and one claimant wins`() async throws {
        let redis = try await LiveRedis()
        let client = try await redis.client()
        let bus = ClientBus(client)
        let members = ["a", "b"].map { name in
            ClusterMembership(
                prefix: "apus", record: MemberRecord(node: name, incarnation: UInt64.max - 1, address: "10.0.0.1:80", spools: [name]),
                bus: bus,
                loop: client.eventLoop, interval: .milliseconds(50))
        }
        for member in members { member.start() }
        #expect(await eventually { members[0].members.map(\.node) == ["a", "b"] })
        #expect(members[0].members.filter { $0.status == .alive && $0.incarnation == UInt64.max - 1 && !$0.isContested }.count == 2)
        #expect(abs(members[0].members[0].joined - SystemClock.unixNanoseconds()) < 60_000_000_000)
        let left = Mutex(false)
        members[1].leave { isDone in left.withLock { $0 = isDone } }
        #expect(await eventually { left.withLock { $0 } && members[0].members.map(\.node) == ["a"] })
        let counters = (0..<3).map { _ in ClusterCounters(prefix: "apus", bus: bus, loop: client.eventLoop) }
        let wins = Mutex<[Bool]>([])
        for counter in counters {
            counter.add("s", by: 4)
            counter.crossed("s", window: .seconds(60), threshold: 1) { _ in }
            counter.claim("act", ttl: .seconds(60)) { isMine in wins.withLock { $0.append(isMine) } }
        }
        #expect(await eventually { wins.withLock { $0.count } == 3 })
        #expect(wins.withLock { $0.filter { $0 }.count } == 1)
        for (threshold, expected) in [(12, true), (13, false)] {
            let answer = await withCheckedContinuation { done in
                counters[0].crossed("s", window: .seconds(60), threshold: threshold) { done.resume(returning: $0) }
            }
            #expect(answer == expected)
        }
        await client.close()
    }

    /// Histories of random calls, on the fake store and on the server; the answers must be the same but for times and event ids.
    @Test func `the fake store says what the server says`() async throws {
        let redis = try await LiveRedis()
        let client = try await redis.client()
        let bus = ClientBus(client)
        for seed in UInt64(1)...8 {
            var random = SeededRandom(seed)
            let fake = FakeStore()
            _ = await bus.run(["FLUSHALL"])
            let keys = ControlKeys(prefix: "p\(seed)")
            var positions: (fake: String, live: String) = ("", "")
            for step in 0..<120 {
                fake.now += 3
                let id = ["x", "y", "z"].randomElement(using: &random)!
                let version = String(Int.random(in: 1...9, using: &random))
                let node = ["a", "b", "B", "aa", "a-b"].randomElement(using: &random)!
                let call: ScriptCall
                var isRead = false
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<4:
                    let full = random.oneIn(8) ? "2" : "100"
                    call = ScriptCall(
                        script: ControlScripts.publish, keys: keys.control,
                        arguments: ["e", id, version, node, "{}", keys.hints, full, "10000"], runID: nil)
                case 4..<7:
                    isRead = true
                    call = ScriptCall(script: ControlScripts.read, keys: keys.control, arguments: [], runID: nil)
                case 7:
                    call = ScriptCall(
                        script: ControlScripts.purge, keys: keys.control, arguments: [id, "\(version) \(node) ", "none", "1 a "], runID: nil
                    )
                case 8:
                    call = ScriptCall(
                        script: MemberScripts.heartbeat, keys: [keys.members],
                        arguments: [id, version.prefix(1) + "", "{}", "0", "86400000", "5"], runID: nil)
                default:
                    call =
                        random.oneIn(2)
                        ? ScriptCall(
                            script: CounterScripts.count, keys: [keys.count(id)],
                            arguments: [node, version, version, "3600000", random.oneIn(2) ? "0" : "600000"], runID: nil)
                        : random.oneIn(2)
                            ? ScriptCall(script: CounterScripts.claim, keys: [keys.claim(id)], arguments: [node, "60000"], runID: nil)
                            : ScriptCall(
                                script: MemberScripts.leave, keys: [keys.members], arguments: [id, random.oneIn(2) ? "" : version],
                                runID: nil)
                }
                func arguments(_ position: String) -> ScriptCall {
                    guard isRead else { return call }
                    return ScriptCall(script: call.script, keys: call.keys, arguments: ["e", "e", position, "4", "1000"], runID: nil)
                }
                let ours = try fake.run(arguments(positions.fake)).get()
                let theirs = try await bus.run(arguments(positions.live)).get()
                if isRead {
                    let (left, right) = (try #require(ControlReply(ours)), try #require(ControlReply(theirs)))
                    #expect(
                        left.state == right.state && left.version == right.version && left.values.map(\.stamp) == right.values.map(\.stamp),
                        "seed \(seed) step \(step)")
                    #expect((left.last == left.newest) == (right.last == right.newest), "seed \(seed) step \(step)")
                    positions = random.oneIn(9) ? ("1-1", "1-1") : (left.last, right.last)
                } else if call.script == MemberScripts.heartbeat {
                    #expect(MemberReply(ours) != nil && MemberReply(ours) == MemberReply(theirs), "seed \(seed) step \(step)")
                } else if call.script == ControlScripts.publish {
                    // The event ids differ.
                    let (left, right) = (try #require(ours.array), try #require(theirs.array))
                    #expect(left.count == right.count && left[0] == right[0], "seed \(seed) step \(step)")
                    if left[0].text == "older" {
                        #expect(StoredEntry(left[1]).stamp == StoredEntry(right[1]).stamp, "seed \(seed) step \(step)")
                    } else if left.count == 2 {
                        #expect(right[1].text.flatMap(EventID.init) != nil)
                    }
                } else {
                    #expect(ours == theirs, "seed \(seed) step \(step)")
                }
            }
            let command = ["HSCAN", keys.entries, "0", "COUNT", "1000"]
            let left = try #require(ScanReply(try fake.run(RedisCommand(command)).get()))
            let right = try #require(ScanReply(try await bus.run(command).get()))
            #expect(right.cursor == "0")
            #expect(Set(left.values.map { $0.stamp }) == Set(right.values.map { $0.stamp }), "seed \(seed)")
        }
        await client.close()
    }
}

import Glibc
import NIOCore
import NIOPosix
import Redis
import RedisFixture
import Shaping
import Testing

@testable import Cluster

/// Limits of several nodes over a real Redis server. Each node is what a process has of it: client, bus, agents.
@Suite(.serialized) struct SharedLimitTests {
    /// One node's limits.
    final class Member {
        let client: RedisClient
        let limits: ClusterLimits
        let bus: RedisBus

        init(_ server: RedisServer, _ name: String, settings: ClusterSettings) async throws {
            let configuration = try RedisConfiguration(urls: [server.url])
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let client = RedisClient(configuration, name: name, eventLoop: loop)
            let limits = ClusterLimits(settings, node: name, incarnation: UInt64.random(in: 1...1 << 50), rememberedEpochs: [])
            self.client = client
            self.limits = limits
            bus = try await loop.submit { RedisBus(client: client, loop: loop, interval: settings.flushInterval, limits: limits) }.get()
            client.start()
            bus.start()
        }

        func close() async {
            bus.stop()
            await client.close()
        }
    }

    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static var quick: ClusterSettings {
        var settings = ClusterSettings()
        settings.freshQuiet = 500_000_000
        return settings
    }

    @Test func ratesAreSharedAndNearlyUsedUp() async throws {
        let server = try await RedisServer()
        var members: [Member] = []
        for index in 0..<3 { members.append(try await Member(server, "n\(index)", settings: Self.quick)) }
        let spec = try ThrottleSpec(parsing: "1000/s")
        var limiters = members.map { RateLimiter(key: LimitKey(name: "x"), spec: spec, root: $0.limits) }
        var sends: [Int64] = []
        var counts = [0, 0, 0]
        let start = Self.now()
        while Self.now() - start < 5_000_000_000 {
            for index in limiters.indices {
                let now = Self.now()
                if case .granted = limiters[index].take(1, now: now) {
                    sends.append(now)
                    counts[index] += 1
                }
            }
            try await Task.sleep(for: .microseconds(300))
        }
        var worst = 0
        var first = 0
        for (index, time) in sends.enumerated() {
            while sends[first] < time - 1_000_000_000 { first += 1 }
            worst = max(worst, index - first + 1)
        }
        let steady = sends.count { $0 > start + 2_500_000_000 }
        let calls = members.map(\.client.statistics.roundTrips)
        print("sends", sends.count, "worst", worst, "steady per s", Double(steady) / 2.5, "counts", counts, "round trips in 5 s", calls)
        #expect(worst <= 1000)
        #expect(steady >= 1500)
        #expect(counts.allSatisfy { $0 > sends.count / 4 })
        for member in members { await member.close() }
    }

    /// A small limit is counted exactly, used up to what its strict windows leave, and shared evenly.
    @Test func smallLimitsAreSharedEvenly() async throws {
        let server = try await RedisServer()
        var members: [Member] = []
        for index in 0..<3 { members.append(try await Member(server, "n\(index)", settings: Self.quick)) }
        let spec = try ThrottleSpec(parsing: "12/s")
        var limiters = members.map { RateLimiter(key: LimitKey(name: "x"), spec: spec, root: $0.limits) }
        var sends: [Int64] = []
        var counts = [0, 0, 0]
        let start = Self.now()
        while Self.now() - start < 10_000_000_000 {
            for index in limiters.indices {
                let now = Self.now()
                guard case .granted = limiters[index].take(1, now: now) else { continue }
                sends.append(now)
                if now > start + 3_000_000_000 { counts[index] += 1 }
            }
            try await Task.sleep(for: .milliseconds(1))
        }
        var worst = 0
        var first = 0
        for (index, time) in sends.enumerated() {
            while sends[first] < time - 1_000_000_000 { first += 1 }
            worst = max(worst, index - first + 1)
        }
        print("sends", sends.count, "worst", worst, "in the last 7 s", counts)
        #expect(worst <= 12)
        #expect(counts.reduce(0, +) >= 50)
        #expect(counts.allSatisfy { $0 * 5 > counts.reduce(0, +) })
        for member in members { await member.close() }
    }

    /// What a node that stops had is there for the others at once.
    @Test func whoLeavesGivesBack() async throws {
        let server = try await RedisServer()
        let settings = Self.quick
        let leaver = try await Member(server, "leaver", settings: settings)
        let other = try await Member(server, "other", settings: settings)
        let key = LimitKey(name: "c")
        var held = ConcurrencyLimiter(key: key, limit: 2, root: leaver.limits)
        var wanted = ConcurrencyLimiter(key: key, limit: 2, root: other.limits)
        #expect(await eventually { held.take(now: Self.now()) == .granted })
        #expect(await eventually { held.take(now: Self.now()) == .granted })
        held.close()
        await withCheckedContinuation { done in leaver.bus.leave { done.resume() } }
        let left = Self.now()
        #expect(await eventually { wanted.take(now: Self.now()) == .granted })
        #expect(await eventually { wanted.take(now: Self.now()) == .granted })
        #expect(Self.now() - left < 3_000_000_000)
        for member in [leaver, other] { await member.close() }
    }

    @Test func permitsAreSharedAndRotate() async throws {
        let server = try await RedisServer()
        var settings = Self.quick
        settings.quantum = 1_000_000_000
        var members: [Member] = []
        for index in 0..<3 { members.append(try await Member(server, "n\(index)", settings: settings)) }
        var limiters = members.map { ConcurrencyLimiter(key: LimitKey(name: "c"), limit: 2, root: $0.limits) }
        var held = [0, 0, 0]
        var turns = [0, 0, 0]
        let start = Self.now()
        var most = 0
        while Self.now() - start < 8_000_000_000 {
            for index in limiters.indices {
                if held[index] < 2, case .granted = limiters[index].take(now: Self.now()) {
                    held[index] += 1
                    turns[index] += 1
                }
                if held[index] > 0, members[index].limits.claimRecall(LimitKey(name: "c")) {
                    held[index] -= 1
                    limiters[index].give(now: Self.now())
                }
            }
            most = max(most, held.reduce(0, +))
            try await Task.sleep(for: .milliseconds(2))
        }
        print("turns", turns, "most", most)
        #expect(most == 2)
        #expect(turns.allSatisfy { $0 >= 1 })
        for member in members { await member.close() }
    }

    /// A node that waits is told when a permit is there for it; by itself it would ask again after three seconds only.
    @Test func whoWaitsIsTold() async throws {
        let server = try await RedisServer()
        var settings = Self.quick
        settings.permitRefresh = 1_000_000_000
        let holder = try await Member(server, "holder", settings: settings)
        settings.keySpacing = 3_000_000_000
        let waiter = try await Member(server, "waiter", settings: settings)
        let key = LimitKey(name: "c")
        var held = ConcurrencyLimiter(key: key, limit: 1, root: holder.limits)
        var wanted = ConcurrencyLimiter(key: key, limit: 1, root: waiter.limits)
        #expect(await eventually { held.take(now: Self.now()) == .granted })
        // The waiter's second question comes three seconds after its first, the third in six.
        let asking = Self.now()
        while Self.now() - asking < 3_600_000_000 {
            #expect(wanted.take(now: Self.now()) != .granted)
            try await Task.sleep(for: .milliseconds(5))
        }
        held.give(now: Self.now())
        let given = Self.now()
        #expect(await eventually { wanted.take(now: Self.now()) == .granted })
        #expect(Self.now() - given < 1_500_000_000)
        for member in [holder, waiter] { await member.close() }
    }
}

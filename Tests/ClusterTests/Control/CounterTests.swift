import NIOCore
import NIOEmbedded
import Redis
import Synchronization
import Testing

@testable import Cluster

@Suite struct CounterTests {
    /// Some nodes that count, and one store, on paper time.
    private final class World {
        let loop = EmbeddedEventLoop()
        let store = FakeStore()
        var buses: [FakeBus] = []
        var counters: [ClusterCounters] = []

        init(_ count: Int, seed: UInt64 = 0) {
            store.now = WallClock.start / 1_000_000
            for index in 0..<count {
                buses.append(FakeBus(loop: loop, store: store, seed: seed &* 7 &+ UInt64(index)))
                counters.append(ClusterCounters(prefix: "apus", bus: buses[index], loop: loop))
                counters[index].start()
            }
            loop.run()
        }

        func pass(seconds: Int) {
            for _ in 0..<(seconds * 10) {
                store.now += 100
                loop.advanceTime(by: .milliseconds(100))
            }
        }

        /// Asks, and lets time pass until there is an answer.
        func ask(_ body: (@escaping @Sendable (Bool) -> Void) -> Void) -> Bool? {
            let answers = Mutex<[Bool]>([])
            body { answer in answers.withLock { $0.append(answer) } }
            for _ in 0..<60 where answers.withLock({ $0.isEmpty }) {
                store.now += 100
                loop.advanceTime(by: .milliseconds(100))
            }
            return answers.withLock { $0.count == 1 ? $0[0] : nil }
        }

        func crossed(_ node: Int, _ threshold: Int, window: Duration = .seconds(60)) -> Bool? {
            ask { counters[node].crossed("s", window: window, threshold: threshold, reply: $0) }
        }
    }

    @Test func `ten in a minute means on all nodes together`() {
        let world = World(3)
        for node in 0..<3 { world.counters[node].add("s", by: 3) }
        world.pass(seconds: 2)
        #expect(world.crossed(0, 10) == false)
        #expect(world.crossed(0, 9) == true)
        world.counters[2].add("s", by: 1)
        #expect(world.crossed(2, 10) == true)
        #expect(world.crossed(2, 11) == false)
        #expect(world.crossed(2, 10) == true)
    }

    @Test func `what lies before the window does not count`() {
        let world = World(2)
        world.counters[0].add("s", by: 5)
        world.pass(seconds: 50)
        world.counters[1].add("s", by: 5)
        world.pass(seconds: 2)
        #expect(world.crossed(0, 10) == true)
        world.pass(seconds: 20)
        #expect(world.crossed(0, 10) == false)
        #expect(world.crossed(0, 5) == true)
        #expect(world.crossed(0, 10, window: .seconds(120)) == true)
        world.pass(seconds: 60)
        #expect(world.crossed(0, 1) == false)
    }

    @Test(arguments: UInt64(0)..<10) func `on a bad line everything counts once, or is counted as lost`(seed: UInt64) {
        let world = World(3, seed: seed)
        for bus in world.buses { bus.faults = FakeBus.Faults(loseRequest: 6, loseReply: 4, silent: 3, repeatReply: 3, delay: 1...60) }
        var random = SeededRandom(seed)
        var total = 0
        for _ in 0..<100 {
            let amount = Int.random(in: 1...5, using: &random)
            total += amount
            world.counters[Int.random(in: 0..<3, using: &random)].add("s", by: amount)
            world.pass(seconds: 1)
        }
        for bus in world.buses { bus.faults = FakeBus.Faults() }
        world.pass(seconds: 12)
        let sum = (world.store.content.hashes["apus:1:{c}:count:s"] ?? [:]).filter { $0.key.hasPrefix("b") }
            .values.reduce(0) { $0 + Int(String(decoding: $1, as: UTF8.self))! }
        let lost = world.counters.reduce(0) { $0 + $1.lost }
        // What was given up may have arrived.
        #expect(sum <= total, "seed \(seed)")
        #expect(sum + lost >= total, "seed \(seed)")
        #expect(lost < total / 2)
    }

    @Test func `while the store is away a node decides by its own counts, and nothing bursts on its return`() {
        let world = World(2)
        for bus in world.buses { bus.isDown = true }
        world.counters[0].add("s", by: 10)
        #expect(world.crossed(0, 10) == true)
        #expect(world.crossed(1, 10) == false)
        world.pass(seconds: 30)
        for bus in world.buses { bus.isDown = false }
        world.pass(seconds: 5)
        #expect(world.crossed(1, 1) == false)
        #expect(world.counters[0].lost == 10)
    }

    @Test func `one claimant wins`() {
        let world = World(4)
        let winners = Mutex<[Int]>([])
        for node in 0..<4 {
            world.counters[node].claim("suspend:x", ttl: .seconds(30)) { isMine in
                if isMine { winners.withLock { $0.append(node) } }
            }
        }
        world.pass(seconds: 1)
        #expect(winners.withLock { $0.count } == 1)
        for node in 0..<4 { #expect(world.ask { world.counters[node].claim("suspend:x", ttl: .seconds(30), reply: $0) } == false) }
        world.pass(seconds: 31)
        #expect(world.ask { world.counters[0].claim("suspend:x", ttl: .seconds(30), reply: $0) } == true)
    }

    @Test(arguments: UInt64(0)..<10) func `a claim whose answer is lost is found again`(seed: UInt64) {
        let world = World(3, seed: seed)
        for bus in world.buses { bus.faults = FakeBus.Faults(loseReply: 2, delay: 1...20) }
        let winners = Mutex<[Int]>([])
        for node in 0..<3 { world.counters[node].claim("a", ttl: .seconds(60)) { if $0 { winners.withLock { $0.append(node) } } } }
        world.pass(seconds: 6)
        // Three lost answers in a row make a node think that the store is away.
        #expect(winners.withLock { (1...2).contains($0.count) }, "seed \(seed)")
    }

    @Test func `while the store is away each node that is cut off acts once`() {
        let world = World(2)
        world.buses[0].isDown = true
        #expect(world.ask { world.counters[0].claim("a", ttl: .seconds(60), reply: $0) } == true)
        #expect(world.ask { world.counters[0].claim("a", ttl: .seconds(60), reply: $0) } == false)
        #expect(world.ask { world.counters[1].claim("", ttl: .seconds(60), reply: $0) } == false)
    }

    @Test func `the table is bounded`() {
        var table = CounterTable()
        for number in 0..<(CounterTable.seriesLimit + 5) { table.add("s\(number)", by: 1, now: 0) }
        #expect(table.lost == 5)
        table.add(String(repeating: "x", count: 300), by: 1, now: 0)
        #expect(table.lost == 6)
        table.add("s0", by: -4, now: 0)
        table.add("s0", by: .max, now: 0)
        #expect(table.waiting("s0") == CounterTable.amountLimit)
        #expect(table.tellings(most: 7, now: 1).count == 7)
        for second in 0..<2_000 { table.add("s1", by: 1, now: Int64(second) * CounterTable.bucket) }
        #expect(table.own("s1", window: .max, now: 2_000 * CounterTable.bucket) == 360)
    }
}

import Glibc
import Shaping
import Synchronization
import TestSupport
import Testing

@testable import Resources

/// What limits gave out outlives the process: kills, reboots, clocks that are set, damage.
struct LimitJournalTests {
    static let second: Int64 = 1_000_000_000
    static let minute = 60 * second
    static let hour = 60 * minute
    static let day = 24 * hour

    /// *Shared*: a machine with clocks that the test moves.
    final class Machine: Sendable {
        private let state = Mutex(
            (boot: "boot-1", monotonic: 1000 * LimitJournalTests.second, wall: 1_800_000_000 * LimitJournalTests.second))

        var clocks: LimitJournal.Clocks {
            LimitJournal.Clocks(
                boot: state.withLock { $0.boot }, monotonic: { [self] in state.withLock { $0.monotonic } },
                wall: { [self] in state.withLock { $0.wall } })
        }
        var now: Int64 { state.withLock { $0.monotonic } }

        func pass(_ time: Int64) { state.withLock { $0 = ($0.boot, $0.monotonic + time, $0.wall + time) } }
        func setWall(by time: Int64) { state.withLock { $0.wall += time } }
        func reboot(after time: Int64) { state.withLock { $0 = ($0.boot + "'", 5 * LimitJournalTests.second, $0.wall + time) } }
    }

    /// *Shared*: a node's limits over several lives. Each `start` is the process after a kill: nothing is closed or given back.
    final class Lives {
        let folder = TestFolder()
        let machine = Machine()
        private(set) var journal: LimitJournal
        private(set) var root: InProcessLimitRoot
        /// Lives that were killed; they are never asked again, and keep what they held.
        private var dead: [Any] = []

        init(isNew: Bool = true) {
            journal = LimitJournal(directory: folder.file("."), isNew: isNew, clocks: machine.clocks)
            root = journal.root(0)
        }

        func killAndStart() {
            dead.append((journal, root))
            journal = LimitJournal(directory: folder.file("."), isNew: false, clocks: machine.clocks)
            root = journal.root(0)
        }

        func limiter(_ text: String, name: String = "k") throws -> RateLimiter {
            RateLimiter(key: LimitKey(name: name), spec: try ThrottleSpec(parsing: text), root: root)
        }

        /// Takes as often as it is granted, at most `most` times.
        func takeAll(_ text: String, name: String = "k", most: Int = 1_000_000) throws -> Int {
            var limiter = try limiter(text, name: name)
            var count = 0
            while count < most, limiter.take(1, now: machine.now) == .granted { count += 1 }
            dead.append(limiter)
            return count
        }

        var file: String { folder.file("limits.state") }
    }

    @Test(arguments: ["1/d", "5/d", "5/h", "64/d", "3/min", "10/30min", "local:5/d", "5/d,max_burst=5", "1/365d"])
    func aSmallLimitIsNotBegunAnew(_ text: String) throws {
        let spec = try ThrottleSpec(parsing: text)
        let lives = Lives()
        var total = 0
        for _ in 0..<6 {
            total += try lives.takeAll(text, most: max(1, spec.limit / 3))
            lives.killAndStart()
            lives.machine.pass(Self.second / 10)
        }
        #expect(total == spec.limit)
        lives.machine.pass(spec.periodNanoseconds)
        lives.killAndStart()
        #expect(try lives.takeAll(text) == spec.limit, "after the period it is whole again")
    }

    /// All takes of many lives with kills at random moments; no window holds more than the limit, and much of it can be used.
    @Test(arguments: ["100/h", "1000/d", "65/min", "6000/min", "20/30min", "7/min,max_burst=2", "500/h,max_burst=1", "3600/h", "10000/h"])
    func noWindowOverKillsHoldsMore(_ text: String) throws {
        let spec = try ThrottleSpec(parsing: text)
        for seed in 1...3 {
            var random = SeededGenerator(seed: UInt64(seed))
            let lives = Lives()
            var takes: [Int64] = []
            var limiter = try lives.limiter(text)
            let end = lives.machine.now + 3 * spec.periodNanoseconds
            let kill = max(1, spec.limit / 7)
            var calls = 0
            while lives.machine.now < end, calls < 60_000 {
                calls += 1
                switch limiter.take(1, now: lives.machine.now) {
                case .granted: takes.append(lives.machine.now)
                case .wait(let until): lives.machine.pass(max(1, until - lives.machine.now))
                }
                guard Int.random(in: 0..<kill * 2, using: &random) == 0 else { continue }
                lives.killAndStart()
                limiter = try lives.limiter(text)
                lives.machine.pass(Int64.random(in: 0...spec.periodNanoseconds / 20, using: &random))
            }
            var first = 0
            for (index, time) in takes.enumerated() {
                while takes[first] < time - spec.periodNanoseconds { first += 1 }
                #expect(index - first + 1 <= spec.limit, "seed \(seed)")
            }
            #expect(takes.count >= spec.limit, "seed \(seed): a limit that is never used is no limit: \(takes.count)")
        }
    }

    @Test func theWallClockDoesNotMatterInOneBoot() throws {
        for step in [-400 * Self.day, -Self.hour, Self.hour, 400 * Self.day] {
            let lives = Lives()
            #expect(try lives.takeAll("5/d") == 5)
            lives.machine.setWall(by: step)
            lives.killAndStart()
            #expect(try lives.takeAll("5/d") == 0)
            lives.machine.pass(Self.day + Self.second)
            lives.killAndStart()
            #expect(try lives.takeAll("5/d") == 5)
        }
    }

    @Test func afterARebootTheWallClockDecides() throws {
        let lives = Lives()
        #expect(try lives.takeAll("5/d") == 5)
        #expect(try lives.takeAll("100/h", name: "paced") > 0)
        lives.machine.reboot(after: Self.minute)
        lives.killAndStart()
        #expect(try lives.takeAll("5/d") == 0)
        lives.machine.pass(23 * Self.hour)
        #expect(try lives.takeAll("5/d") == 0)
        lives.machine.reboot(after: Self.hour)
        lives.killAndStart()
        #expect(try lives.takeAll("5/d") == 5)
    }

    @Test func aWallClockThatWentBackCountsAsNoTime() throws {
        let lives = Lives()
        #expect(try lives.takeAll("5/d") == 5)
        lives.machine.reboot(after: -10 * Self.day)
        lives.killAndStart()
        #expect(try lives.takeAll("5/d") == 0)
        lives.machine.pass(Self.day - Self.second)
        #expect(try lives.takeAll("5/d") == 0)
        lives.machine.pass(2 * Self.second)
        #expect(try lives.takeAll("5/d") == 5, "it waits a day and no longer")
    }

    /// *Value*: what may happen to the file.
    enum Harm: String, CaseIterable, Sendable {
        case missing, empty, oneByte, halfAHead, cutInTheMiddle, cutAtTheLastRecord, flippedInTheHead, flippedInTheMiddle, flippedAtTheEnd,
            foreign,
            directory
    }

    @Test(arguments: Harm.allCases) func damageRestsAndIsKept(_ harm: Harm) throws {
        let lives = Lives()
        #expect(try lives.takeAll("5/d", most: 3) == 3)
        #expect(try lives.takeAll("100/h", name: "other") > 0)
        try Self.apply(harm, lives.file)
        lives.machine.pass(Self.second)
        lives.killAndStart()
        #expect(lives.journal.damage != nil)
        for (text, name) in [("5/d", "k"), ("100/h", "other"), ("7/min", "never seen")] {
            #expect(try lives.takeAll(text, name: name) == 0, "\(text) must rest")
        }
        // A minute later what rested for a minute is good; another kill does not begin the rest anew.
        lives.machine.pass(Self.minute + Self.second)
        lives.killAndStart()
        #expect(lives.journal.damage == nil)
        #expect(try lives.takeAll("7/min", name: "never seen") == 7)
        #expect(try lives.takeAll("5/d") == 0)
        lives.machine.pass(Self.day)
        #expect(try lives.takeAll("5/d") == 5)
        if harm != .missing { #expect(access(lives.folder.file("corrupt"), F_OK) == 0) }
    }

    private static func apply(_ harm: Harm, _ path: String) throws {
        var bytes = try read(path)
        switch harm {
        case .missing: unlink(path)
        case .directory:
            unlink(path)
            mkdir(path, 0o750)
        case .empty: bytes = []
        case .oneByte: bytes = [bytes[0]]
        case .halfAHead: bytes = Array(bytes.prefix(32))
        case .cutInTheMiddle: bytes = Array(bytes.prefix(bytes.count / 2))
        case .cutAtTheLastRecord: bytes = Array(bytes.prefix(bytes.count - 1))
        case .flippedInTheHead: bytes[10] ^= 1
        case .flippedInTheMiddle: bytes[bytes.count / 2] ^= 0x10
        case .flippedAtTheEnd: bytes[bytes.count - 1] ^= 0x80
        case .foreign: bytes = Array("#!/bin/sh\necho hello\n".utf8) + bytes
        }
        guard harm != .missing, harm != .directory else { return }
        let file = open(path, O_WRONLY | O_TRUNC)
        defer { close(file) }
        #expect(write(file, bytes, bytes.count) == bytes.count)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(file, &bytes, bytes.count)
        // Behind the end there is only room that was made in advance.
        return Array(bytes.prefix(min(count, bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 8, as: Int64.self)) })))
    }

    @Test func whatAKillLeavesBehindTheEndIsNoDamage() throws {
        let lives = Lives()
        #expect(try lives.takeAll("5/d", most: 3) == 3)
        for junk in [[0x01], [UInt8](repeating: 0, count: 100), Array("rubbish that is longer than the head of a frame".utf8)] {
            let file = open(lives.file, O_WRONLY | O_APPEND)
            #expect(write(file, junk, junk.count) == junk.count)
            close(file)
            lives.killAndStart()
            #expect(lives.journal.damage == nil)
        }
        #expect(try lives.takeAll("5/d") == 2)
    }

    @Test func shortLimitsRestForOnePeriod() throws {
        let lives = Lives()
        #expect(try lives.takeAll("20/s") == 20, "a new spool has nothing to wait for")
        lives.machine.pass(Self.second / 2)
        lives.killAndStart()
        #expect(try lives.takeAll("20/s") == 0)
        // The period, and a tenth of it for the way to the peer.
        lives.machine.pass(Self.second + Self.second / 10 + 1)
        #expect(try lives.takeAll("20/s") == 20)
    }

    @Test func whatIsGivenBackIsThereAfterAKill() throws {
        let lives = Lives()
        var limiter = try lives.limiter("5/d")
        for _ in 0..<50 {
            #expect(limiter.take(1, now: lives.machine.now) == .granted)
            limiter.give(1, now: lives.machine.now)
        }
        lives.killAndStart()
        #expect(try lives.takeAll("5/d") == 5)
    }

    @Test func aChangedLimitCountsWhatWasUsed() throws {
        let lives = Lives()
        #expect(try lives.takeAll("5/d") == 5)
        lives.killAndStart()
        #expect(try lives.takeAll("8/d") <= 3)
        lives.killAndStart()
        #expect(try lives.takeAll("100/d") < 100)
    }

    @Test func manyRecordsAreRewrittenAndNoneIsLost() throws {
        let lives = Lives()
        for index in 0..<2000 { #expect(try lives.takeAll("3/d", name: "key-\(index)", most: 2) == 2) }
        for _ in 0..<20_000 { _ = try lives.takeAll("1000000/d", name: "busy", most: 1) }
        lives.killAndStart()
        #expect(lives.journal.damage == nil)
        for index in 0..<2000 { #expect(try lives.takeAll("3/d", name: "key-\(index)") == 1) }
    }

    @Test func whatCannotBeWrittenIsNotGivenOut() throws {
        let lives = Lives()
        let journal = lives.journal
        #expect(try lives.takeAll("5/d", most: 1) == 1)
        journal.close()
        #expect(try lives.takeAll("5/d") == 0)
        #expect(try lives.takeAll("1000/s", name: "short") > 0, "short limits need no file")
    }
}

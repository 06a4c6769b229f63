import Cluster
import DNS
import Message
import Platform
import Shaping
import Synchronization
import TestSupport
import Testing

@testable import Delivery

/// The places of a ready queue, as any loop takes them and gives them back.
@Suite struct PathGateTests {
    private let folder = TestFolder()

    private func control() throws -> ControlState {
        try ControlState(directory: folder.path, node: "n", clock: { 1_900_000_000_000_000_000 })
    }

    private static func queue(_ number: Int) throws -> QueueGate {
        let name = "d\(number).example"
        return QueueGate(name: name, parsed: try QueueName(parsing: name), shard: 0)
    }

    /// Never more messages than places, no queue that waits forgotten, and no end of a path that somebody has a place in.
    @Test(arguments: 1...100 as ClosedRange<UInt64>) func placesAreCounted(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let (control, gate) = (try control(), Bench.deadPath())
        let queues = try (0..<6).map(Self.queue)
        var waiting: Set<ObjectIdentifier> = []
        var (capacity, taken) = (1, 0)
        func called(_ woken: [QueueGate]) {
            for queue in woken { #expect(waiting.remove(ObjectIdentifier(queue)) != nil, "seed \(seed): called without having waited") }
        }
        for step in 0..<400 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...3:
                let isFresh = Bool.random(using: &random)
                if gate.reserve(isFresh: isFresh, control) {
                    taken += 1
                    #expect(taken <= capacity, "seed \(seed), step \(step): more messages than places")
                } else {
                    #expect(
                        taken >= capacity || (isFresh && !waiting.isEmpty), "seed \(seed), step \(step): refused although there is room")
                    let queue = queues[Int.random(in: 0..<6, using: &random)]
                    waiting.insert(ObjectIdentifier(queue))
                    called(gate.wait(queue, control))
                }
            case 4...5:
                guard taken > 0 else { continue }
                let count = Int.random(in: 1...min(taken, 8), using: &random)
                taken -= count
                called(gate.giveBack(count, control))
            case 6:
                let size = Int.random(in: 1...300, using: &random)
                // A smaller ready queue drains; until then nobody is let in.
                capacity = size
                called(gate.resize(to: size, control))
            default:
                guard taken > 0 else { continue }
                #expect(!gate.retireIfUnused(), "seed \(seed), step \(step): ended with a message in it")
            }
        }
        // Who is called takes a place and gives it back in turn.
        var woken = gate.giveBack(taken, control)
        while !woken.isEmpty {
            called(woken)
            woken = woken.flatMap { _ in gate.reserve(isFresh: false, control) ? gate.giveBack(1, control) : [] }
        }
        #expect(waiting.isEmpty, "seed \(seed): \(waiting.count) queues are forgotten")
        #expect(gate.retireIfUnused() && gate.isRetired && !gate.reserve(isFresh: false, control))
    }

    /// A suspended path lets nobody in; when the rule has gone, what waits is called with the next place.
    @Test func aSuspendedPathTakesNothing() throws {
        let (control, gate) = (try control(), Bench.deadPath())
        _ = gate.resize(to: 8, control)
        #expect(gate.reserve(isFresh: false, control))
        let rule = try control.issue(
            .rule(.suspendPath, scope: ControlScope(path: gate.name), reason: "test", issuer: "tester", expires: nil))
        #expect(!gate.reserve(isFresh: false, control))
        let queue = try Self.queue(1)
        #expect(gate.wait(queue, control).isEmpty && gate.giveBack(1, control).isEmpty)
        #expect(try control.remove(id: rule.id, issuer: "tester"))
        #expect(gate.giveBack(0, control).map(\.name) == [queue.name])
    }

    /// How many are inside, and were at most. *Shared.*
    private final class Counts: Sendable {
        let taken = Atomic(0)
        let most = Atomic(0)

        func entered() {
            most.max(taken.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue, ordering: .acquiringAndReleasing)
            taken.wrappingSubtract(1, ordering: .acquiringAndReleasing)
        }
    }

    /// From several threads at once.
    @Test func placesAreCountedAcrossThreads() async throws {
        let (control, gate) = (try control(), Bench.deadPath())
        _ = gate.resize(to: 16, control)
        let counts = Counts()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<20_000 where gate.reserve(isFresh: false, control) {
                        counts.entered()
                        _ = gate.giveBack(1, control)
                    }
                }
            }
        }
        #expect(counts.most.load(ordering: .acquiring) <= 16 && counts.taken.load(ordering: .acquiring) == 0)
        #expect(gate.retireIfUnused())
    }
}

import Glibc
import Message
import NIOCore
import Testing

@testable import Spool

/// Random histories against a dictionary, with kills and power cuts at random calls.
@Suite struct ModelTests {
    /// ThreadSanitizer makes these single-threaded histories some thirty times slower and has little to find in them.
    private static let perBlock = dlsym(nil, "__tsan_init") == nil ? 32 : 2

    @Test(arguments: 0..<10) func histories(block: Int) throws {
        for seed in (block * Self.perBlock)..<((block + 1) * Self.perBlock) { try History(seed: UInt64(seed)).run() }
    }
}

/// One random history. *loop-confined*.
final class History {
    /// What must be true of one message after a crash. *value*.
    private struct Expectation {
        /// 0: may be lost, 1: survives the process, 2: survives the machine.
        var level = 0
        /// Its absence or presence is open: the append failed or was cut off.
        var open = false
        var memoryOnly = false
        var doneAsked = false
        /// 0: a crash may bring it back, 1: not a kill, 2: nothing.
        var doneLevel = 0
        var attemptsAsked = 0
        var attemptsWritten = 0
        var attemptsDurable = 0
        var metaAt: Set<Int> = []
        var size = 0
        var handle: SpoolHandle?
        /// Pieces of its body were cut off before it was ever acknowledged as durable.
        var damaged = false
    }

    private let seed: UInt64
    private var random: SplitMix
    private var disk = MemoryDisk()
    private var machine: Machine
    private var model: [UInt64: Expectation] = [:]
    private var next: UInt64 = 1

    init(seed: UInt64) throws {
        self.seed = seed
        random = SplitMix(seed)
        machine = try Machine(disk)
    }

    private func number(_ id: MessageID) -> UInt64 { id.low }

    func run() throws {
        machine.recover()
        for round in 0..<Int.random(in: 3...6, using: &random) {
            let crashing = random.chance(80)
            if crashing { disk.crash(afterCalls: Int.random(in: 1...160, using: &random)) }
            for _ in 0..<Int.random(in: 5...60, using: &random) {
                if disk.crashed { break }
                step()
            }
            let ending: String
            if !disk.crashed, random.chance(30) {
                machine.clock += 1_000_000
                machine.writer.finish(machine.clock)
                if !disk.crashed { closed() }
                ending = "close"
                disk = disk.afterKill()
            } else if random.chance(40) {
                ending = "kill"
                disk = disk.afterKill()
            } else {
                ending = "power cut"
                disk = disk.afterPowerCut(&random)
            }
            try reopen(ending, round)
        }
    }

    // MARK: Steps

    private func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35: append()
        case 35..<55: finishSome()
        case 55..<75: updateSome()
        case 75..<80: reappend()
        case 80..<85: noSpace()
        case 85..<92: machine.settle()
        default: machine.housekeep(Int.random(in: 1...4, using: &random))
        }
        promote()
    }

    private func promote() {
        guard !disk.crashed, machine.writer.waiting.isEmpty, machine.store.health.withLock({ $0 }) == .ok else { return }
        let durable = !machine.writer.unsynced
        for key in model.keys {
            guard !model[key]!.open else { continue }
            if model[key]!.doneAsked { model[key]!.doneLevel = max(model[key]!.doneLevel, durable ? 2 : 1) }
            model[key]!.attemptsWritten = model[key]!.attemptsAsked
            if durable { model[key]!.attemptsDurable = model[key]!.attemptsAsked }
            if !model[key]!.memoryOnly { model[key]!.level = max(model[key]!.level, durable ? 2 : 1) }
        }
    }

    private func closed() {
        for key in model.keys {
            model[key]!.memoryOnly = false
        }
        promote()
    }

    private func append() {
        let durability: Durability = random.chance(60) ? .fsync : random.chance(60) ? .written : .memory
        var drafts: [SpoolDraft] = []
        var numbers: [UInt64] = []
        let shared = random.chance(30) ? MessageID(high: UInt64.max, low: next) : nil
        let sharedSize = Int.random(in: 2000...9000, using: &random)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let size =
                shared != nil
                ? sharedSize : random.chance(80) ? Int.random(in: 0...900, using: &random) : Int.random(in: 1000...6000, using: &random)
            var draft = Sample.draft(next, size: size)
            if let shared {
                if drafts.isEmpty || random.chance(50) {
                    draft.body = .inlineShared(shared, Sample.body(shared.low, size))
                } else {
                    draft.body = .shared(BodyReference(id: shared, length: size))
                }
            }
            model[next] = Expectation(open: true, memoryOnly: durability == .memory, size: size)
            sharedOf[next] = shared
            numbers.append(next)
            drafts.append(draft)
            next += 1
        }
        send(drafts, numbers, durability)
    }

    /// The body id of messages with a shared body.
    private var sharedOf: [UInt64: MessageID] = [:]

    private func send(_ drafts: [SpoolDraft], _ numbers: [UInt64], _ durability: Durability) {
        guard case .success(let handles) = machine.append(drafts, durability) else { return }
        for (number, handle) in zip(numbers, handles) {
            model[number]!.open = false
            model[number]!.handle = handle
            model[number]!.level = durability == .fsync ? 2 : durability == .written ? 1 : 0
        }
    }

    private func live() -> [UInt64] { model.filter { $0.value.handle != nil && !$0.value.doneAsked }.keys.sorted() }

    private func finishSome() {
        var commands: [SpoolCommand] = []
        for number in live() where random.chance(35) {
            commands.append(.done(model[number]!.handle!))
            model[number]!.doneAsked = true
        }
        machine.commit(commands)
    }

    private func updateSome() {
        var commands: [SpoolCommand] = []
        for number in live() where random.chance(25) {
            commands.append(update(number))
            if random.chance(20) { commands.append(update(number)) }
            if random.chance(10) {
                commands.append(.done(model[number]!.handle!))
                model[number]!.doneAsked = true
            }
        }
        machine.commit(commands)
    }

    private func update(_ number: UInt64) -> SpoolCommand {
        model[number]!.attemptsAsked += 1
        model[number]!.memoryOnly = false
        let attempts = model[number]!.attemptsAsked
        var record = UpdateRecord(attempts: attempts, due: Int64(attempts) * 77, lastReply: "451 \(attempts)")
        if random.chance(40) {
            record.meta = [("attempt", "\(attempts)")]
            model[number]!.metaAt.insert(attempts)
        }
        return .update(model[number]!.handle!, record)
    }

    /// A message that was handed over and comes back under its old id.
    private func reappend() {
        guard let number = model.filter({ $0.value.doneLevel == 2 && sharedOf[$0.key] == nil }).keys.sorted().randomElement(using: &random)
        else { return }
        let size = model[number]!.size
        model[number] = Expectation(open: true, size: size)
        send([Sample.draft(number, size: size)], [number], .fsync)
    }

    private func noSpace() {
        let which: MemoryDisk.Call = random.chance(50) ? .allocate : .pwrite
        let disk = self.disk
        if which == .pwrite, random.chance(50) { disk.setPartialWrites(true) }
        let budget = Int.random(in: 0...2, using: &random)
        let count = Guarded(0)
        disk.fail { call, _ in
            guard call == which else { return nil }
            return count.withLock {
                $0 += 1
                return $0 > budget && $0 < budget + 2 ? 28 : nil
            }
        }
        append()
        finishSome()
        if random.chance(50) { machine.housekeep(2) }
        disk.fail(nil)
        disk.setPartialWrites(false)
        machine.clock += 2_000_000_000
        machine.commit([])
    }

    // MARK: Check

    private func reopen(_ ending: String, _ round: Int) throws {
        var ending = ending
        while true {
            let where_ = "seed \(seed) round \(round) after \(ending)"
            let power = ending.hasPrefix("power cut")
            for number in model.keys { model[number]!.handle = nil }
            let before = Set(model.keys)
            if random.chance(20) { disk.crash(afterCalls: Int.random(in: 1...40, using: &random)) }
            var seen: Set<UInt64> = []
            if let opened = try? Machine(disk) {
                machine = opened
                let (found, summary) = machine.recover { batch in
                    // As a node does: mail comes in, and recovered mail is finished, while recovery runs.
                    for message in batch where !disk.crashed { check(message, power, where_, &seen) }
                    if random.chance(30) { append() }
                    if random.chance(30) { finishSome() }
                }
                if !disk.crashed {
                    #expect(Set(found.map(\.handle)).count == found.count, "\(where_): a handle twice")
                    if !power, !model.values.contains(where: \.damaged) { #expect(summary.damagedBodies == 0, "\(where_)") }
                    for number in before.subtracting(seen) {
                        let wanted = model[number]!
                        let needed = !wanted.open && !wanted.doneAsked && wanted.level >= (power ? 2 : 1)
                        #expect(!needed, "\(where_): message \(number) is lost")
                        model[number] = nil
                    }
                    disk.crash(afterCalls: nil)
                    promote()
                    return
                }
            }
            // It crashed again while it recovered.
            if random.chance(50) {
                disk = disk.afterKill()
                ending = power ? "power cut and kill" : "kill and kill"
            } else {
                disk = disk.afterPowerCut(&random)
                ending = "power cut again"
            }
        }
    }

    private func check(_ message: RecoveredMessage, _ power: Bool, _ where_: String, _ seen: inout Set<UInt64>) {
        let number = number(message.id)
        #expect(seen.insert(number).inserted, "\(where_): message \(number) twice")
        guard var wanted = model[number] else {
            Issue.record("\(where_): message \(number) came from nowhere")
            return
        }
        #expect(wanted.doneLevel < (power ? 2 : 1), "\(where_): message \(number) is resurrected")
        let least = power ? wanted.attemptsDurable : wanted.attemptsWritten
        #expect(
            wanted.open || (least...wanted.attemptsAsked).contains(message.attempts),
            "\(where_): message \(number) has \(message.attempts) attempts, \(least)...\(wanted.attemptsAsked) expected")
        switch machine.reader.message(message.handle) {
        case .failure where disk.crashed: return
        case .failure(let error) where error.code == .corrupt && (wanted.damaged || power && (wanted.open || wanted.level < 2)):
            wanted.damaged = true
        case .failure(let error): Issue.record("\(where_): message \(number): \(error)")
        case .success(let read):
            var envelope = Sample.envelope(number)
            if message.attempts > 0 {
                envelope.attempts = message.attempts
                envelope.due = Int64(message.attempts) * 77
                envelope.lastReply = "451 \(message.attempts)"
                if let meta = wanted.metaAt.filter({ $0 <= message.attempts }).max() { envelope.meta = [("attempt", "\(meta)")] }
            }
            #expect(read.envelope == envelope, "\(where_): envelope of \(number)")
            #expect(read.headers == Sample.headers(number), "\(where_): headers of \(number)")
            #expect(read.body.inlineBytes == Sample.body(sharedOf[number]?.low ?? number, wanted.size), "\(where_): body of \(number)")
            #expect(message.queue == envelope.queue && message.due == envelope.due)
        }
        wanted.open = false
        wanted.doneAsked = false
        wanted.doneLevel = 0
        wanted.memoryOnly = false
        // Recovery syncs what it found before it hands it out.
        wanted.level = 2
        wanted.attemptsAsked = message.attempts
        wanted.attemptsWritten = message.attempts
        wanted.attemptsDurable = message.attempts
        wanted.metaAt = wanted.metaAt.filter { $0 <= message.attempts }
        wanted.handle = message.handle
        model[number] = wanted
    }
}

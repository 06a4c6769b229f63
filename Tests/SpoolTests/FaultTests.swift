import Message
import NIOCore
import Testing

@testable import Spool

/// Each fault of the design on the disk in memory.
@Suite struct FaultTests {
    private func filled(_ disk: MemoryDisk, _ numbers: ClosedRange<UInt64>, size: Int = 300) throws -> Machine {
        let machine = try Machine(disk)
        machine.recover()
        for n in numbers { _ = try machine.append([Sample.draft(n, size: size)]).get() }
        return machine
    }

    private func survivors(_ disk: MemoryDisk) throws -> (numbers: Set<UInt64>, summary: RecoverySummary, machine: Machine) {
        let machine = try Machine(disk)
        let (found, summary) = machine.recover()
        return (Set(found.map(\.id.low)), summary, machine)
    }

    private func path(_ sequence: UInt32) -> String { "/spool/segments/" + SegmentName.active(sequence) }

    /// Offsets of the records of a segment.
    private func records(_ disk: MemoryDisk, _ sequence: UInt32) -> [(offset: Int, total: Int, id: UInt64)] {
        let bytes = disk.contents(of: path(sequence))!
        return bytes.withUnsafeBytes { raw in
            let life = SegmentHeader.decode(raw)!.life
            var scanner = SegmentScanner(raw, life: life)
            var result: [(Int, Int, UInt64)] = []
            while case .record(let header, let offset, _) = scanner.next() { result.append((offset, header.total, header.id.low)) }
            return result
        }
    }

    @Test func truncatedTail() throws {
        let disk = MemoryDisk()
        _ = try filled(disk, 1...5)
        let last = records(disk, 1).last!
        for cut in stride(from: last.offset + 1, to: last.offset + last.total, by: 13) {
            let copy = disk.clone()
            copy.modify(path(1)) { $0.removeSubrange(cut...) }
            let (numbers, summary, _) = try survivors(copy)
            #expect(numbers == [1, 2, 3, 4], "cut at \(cut)")
            // A file that is shorter than it was made was cut, and not by a crash.
            #expect(summary.corruptRecords == 1 && summary.damagedFiles == 1, "cut at \(cut): \(summary)")
        }
    }

    @Test func tornTailIsKept() throws {
        let disk = MemoryDisk()
        _ = try filled(disk, 1...3)
        let last = records(disk, 1).last!
        disk.modify(path(1)) { bytes in for i in (last.offset + 200)..<(last.offset + last.total) { bytes[i] = 0 } }
        let (numbers, summary, _) = try survivors(disk)
        #expect(numbers == [1, 2] && summary.tornTails == 1 && summary.corruptRecords == 0)
        #expect(disk.names().contains { $0.hasPrefix("/spool/corrupt/00000001-") && $0.hasSuffix("payload-checksum.bin") })
    }

    /// Every byte of one record in the middle is flipped in turn: only that record is lost, and its bytes are kept.
    @Test func flippedByteHidesNothingElse() throws {
        let disk = MemoryDisk()
        _ = try filled(disk, 1...5, size: 40)
        let victim = records(disk, 1)[2]
        for position in victim.offset..<(victim.offset + victim.total) {
            let original = disk.contents(of: path(1))!
            let copy = disk.clone()
            copy.modify(path(1)) { $0[position] ^= 0x10 }
            let (numbers, summary, machine) = try survivors(copy)
            let padding = numbers == [1, 2, 3, 4, 5]
            #expect(padding || numbers == [1, 2, 4, 5], "byte \(position - victim.offset)")
            if !padding {
                #expect(summary.corruptRecords == 1 && summary.tornTails == 0, "byte \(position - victim.offset)")
                #expect(copy.names().filter { $0.hasPrefix("/spool/corrupt/") }.count == 1)
            } else {
                // Only the padding after the payload is covered by no checksum, and holds nothing.
                #expect(position >= victim.offset + victim.total - 7)
            }
            _ = machine
            copy.modify(path(1)) { $0 = original }
            for name in copy.names() where name.hasPrefix("/spool/corrupt/") { try copy.remove(name) }
        }
    }

    @Test func flippedHeaderOfLastRecordIsCounted() throws {
        for field in [0, 4, 8, 20, 30, 41, 45] {
            let disk = MemoryDisk()
            _ = try filled(disk, 1...3, size: 40)
            _ = try filled(disk, 4...4)  // a newer segment, so that the first one is not the newest
            let last = records(disk, 1).last!
            disk.modify(path(1)) { $0[last.offset + field] ^= 1 }
            let (numbers, summary, _) = try survivors(disk)
            #expect(numbers == [1, 2, 4] && summary.corruptRecords == 1, "field \(field)")
        }
    }

    @Test func flippedSegmentHeaderLosesNothing() throws {
        for byte in 0..<SegmentHeader.size {
            let disk = MemoryDisk()
            _ = try filled(disk, 1...3)
            disk.modify(path(1)) { $0[byte] ^= 0x80 }
            let (numbers, summary, _) = try survivors(disk)
            #expect(numbers == [1, 2, 3] && summary.corruptRecords == 1, "byte \(byte)")
        }
    }

    /// A sender who writes record-shaped bytes into a body gains nothing, even next to damage.
    @Test func forgedRecordsInABodyStayBytes() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...1)
        let forged = RecordBuffer()
        for life in [UInt64(0), 1, 2] {
            let start = RecordHeader.begin(in: forged)
            DoneRecord(targets: [1]).encode(into: forged)
            RecordHeader.finish(in: forged, at: start, kind: .done, id: Sample.id(1), life: life)
        }
        var draft = Sample.draft(2)
        draft.body = .inline(ByteBuffer(bytes: forged.bytes))
        _ = try machine.append([draft]).get()
        let victim = records(disk, 1)[1]
        disk.modify(path(1)) { $0[victim.offset + 44] ^= 1 }
        #expect(try survivors(disk).numbers == [1])
    }

    @Test(arguments: [MemoryDisk.Call.allocate, .pwrite]) func noSpaceFailsCleanly(call: MemoryDisk.Call) throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...3, size: 900)
        disk.setPartialWrites(call == .pwrite)
        let count = Guarded(0)
        disk.fail { made, _ in
            guard made == call else { return nil }
            return count.withLock {
                $0 += 1
                return call == .allocate || $0 % 2 == 0 ? 28 : nil
            }
        }
        var refused: Set<UInt64> = []
        for n in UInt64(10)...30 {
            switch machine.append([Sample.draft(n, size: 900)]) {
            case .success: #expect(call == .allocate)
            case .failure(let error):
                #expect(error.code == .full && !error.remedy.isEmpty)
                refused.insert(n)
            }
        }
        #expect(!refused.isEmpty)
        if case .full = machine.store.health.withLock({ $0 }) {} else { Issue.record("health does not say full") }
        disk.fail(nil)
        disk.setPartialWrites(false)
        machine.clock += 1_000_000_000
        _ = try machine.append([Sample.draft(50, size: 900)]).get()
        #expect(machine.store.health.withLock { $0 } == .ok)
        machine.settle()
        let (numbers, _, _) = try survivors(disk.clone())
        #expect(numbers.isDisjoint(with: refused) && numbers.isSuperset(of: [1, 2, 3, 50]))
    }

    /// A transaction over several segments that runs out of room half way leaves nothing behind.
    @Test func halfWrittenTransactionIsUndone() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...1)
        let count = Guarded(0)
        disk.fail { call, _ in
            call == .allocate
                ? count.withLock {
                    $0 += 1
                    return $0 > 1 ? 28 : nil
                } : nil
        }
        let drafts = (UInt64(10)...60).map { Sample.draft($0, size: 900) }
        #expect(throws: SpoolError.self) { try machine.append(drafts).get() }
        disk.fail(nil)
        machine.clock += 1_000_000_000
        machine.settle()
        machine.settle()
        #expect(machine.store.state.withLock { $0.index.count } == 1)
        #expect(try survivors(disk.clone()).numbers == [1])
    }

    @Test func doneWaitsForSpaceAndIsNotLost() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...14, size: 900)
        let handles = machine.store.state.withLock { state in (UInt64(1)...14).map { state.index.handle(state.index.find(Sample.id($0))!) }
        }
        disk.fail { call, _ in call == .allocate || call == .pwrite ? 28 : nil }
        machine.commit(handles.map { .done($0) })
        #expect(machine.writer.waiting.count == 14)
        disk.fail(nil)
        machine.clock += 1_000_000_000
        machine.settle()
        #expect(machine.writer.waiting.isEmpty)
        #expect(try survivors(disk.clone()).numbers.isEmpty)
    }

    /// A full disk that lasts does not pile up one update for every attempt, and the last one with what the others set wins.
    @Test func updatesThatWaitForSpaceAreMerged() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...14, size: 900)
        let handle = machine.store.state.withLock { state in state.index.handle(state.index.find(Sample.id(1))!) }
        disk.fail { call, _ in call == .allocate || call == .pwrite ? 28 : nil }
        for attempt in 1...500 {
            let meta = attempt == 3 ? [(key: "k", value: "3")] : nil
            machine.commit([.update(handle, UpdateRecord(attempts: attempt, due: 1, lastReply: "r", meta: meta))])
        }
        #expect(machine.writer.waiting.count <= 2)
        let early = Collector()
        machine.commit([.barrier(ticket: 1, early)])
        guard case .failure(let error) = early.wait(1)[0].result else {
            Issue.record("the barrier came before the updates")
            return
        }
        #expect(error.code == .full)
        disk.fail(nil)
        machine.clock += 1_000_000_000
        machine.settle()
        let envelope = try machine.reader.message(handle).get().envelope
        #expect(envelope.attempts == 500 && envelope.meta.map(\.value) == ["3"])
    }

    /// On a fenced volume nothing waits for a commit that never comes; finished mail comes back after the restart.
    @Test func fencedVolumeForgetsInMemoryOnly() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...3)
        let handle = machine.store.state.withLock { state in state.index.handle(state.index.find(Sample.id(1))!) }
        disk.fail { call, _ in call == .pwrite ? 5 : nil }
        machine.commit([.done(handle)])
        disk.fail(nil)
        for attempt in 1...50 {
            machine.commit([
                .update(
                    machine.store.state.withLock { state in state.index.handle(state.index.find(Sample.id(2))!) },
                    UpdateRecord(attempts: attempt, due: 1, lastReply: ""))
            ])
        }
        machine.commit([])
        #expect(machine.writer.waiting.isEmpty)
        #expect(machine.store.state.withLock { $0.index.count } == 2)
        #expect(try survivors(disk.clone()).numbers == [1, 2, 3])
    }

    @Test func noSpaceDuringCompactionLosesNothing() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...60, size: 900)
        let doomed = machine.store.state.withLock { state in
            (UInt64(1)...60).filter { $0 % 4 != 0 }.map { state.index.handle(state.index.find(Sample.id($0))!) }
        }
        machine.commit(doomed.map { .done($0) })
        machine.settle()
        let before = machine.store.state.withLock { $0.segments.count }
        disk.fail { call, _ in call == .allocate || call == .pwrite ? 28 : nil }
        machine.housekeep(3)
        disk.fail(nil)
        machine.clock += 2_000_000_000
        machine.housekeep(40)
        machine.settle()
        #expect(machine.store.state.withLock { $0.segments.count } < before)
        #expect(try survivors(disk.clone()).numbers == Set((UInt64(1)...60).filter { $0 % 4 == 0 }))
    }

    @Test(arguments: [MemoryDisk.Call.pwrite, .synchronize]) func ioErrorFences(call: MemoryDisk.Call) throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...3)
        disk.fail { made, _ in made == call ? 5 : nil }
        guard case .failure(let error) = machine.append([Sample.draft(4)]) else {
            Issue.record("the append succeeded")
            return
        }
        #expect(error.code == .fenced && !error.remedy.isEmpty)
        disk.fail(nil)
        let written = disk.contents(of: path(1))
        guard case .failure(let second) = machine.append([Sample.draft(5)]) else {
            Issue.record("a fenced volume took mail")
            return
        }
        #expect(second.code == .fenced)
        machine.housekeep(3)
        machine.settle()
        #expect(disk.contents(of: path(1)) == written, "a fenced volume was written to")
        for n in UInt64(1)...3 {
            let handle = machine.store.state.withLock { state in state.index.handle(state.index.find(Sample.id(n))!) }
            #expect(try machine.reader.message(handle).get().body.inlineBytes == Sample.body(n, 300))
        }
        #expect(try survivors(disk.clone()).numbers.isSuperset(of: [1, 2, 3]))
    }

    @Test func noSpaceFromSyncFencesToo() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...1)
        disk.fail { call, _ in call == .synchronize ? 28 : nil }
        guard case .failure(let error) = machine.append([Sample.draft(2)]) else {
            Issue.record("the append succeeded")
            return
        }
        #expect(error.code == .fenced)
    }

    @Test(arguments: [
        (VolumeRoom(bytes: 999, inodes: 1000), false), (VolumeRoom(bytes: 1000, inodes: 99), false),
        (VolumeRoom(bytes: 1000, inodes: 100), true),
    ])
    func floors(room: VolumeRoom, ok: Bool) throws {
        let disk = MemoryDisk()
        let machine = try Machine(
            disk,
            Machine.options {
                $0.minFreeSpace = 1000
                $0.minFreeInodes = 100
            })
        machine.recover()
        let handle = try machine.append([Sample.draft(1)]).get()[0]
        disk.setRoom(room)
        machine.clock += 1_000_000_000
        let result = machine.append([Sample.draft(2)])
        #expect(((try? result.get()) != nil) == ok)
        // Finishing mail goes on below the floor: it is what frees space.
        machine.commit([.done(handle)])
        machine.settle()
        #expect(machine.writer.waiting.isEmpty)
        disk.setRoom(VolumeRoom(bytes: 1 << 40, inodes: 1 << 40))
        machine.clock += 200_000_000
        _ = try machine.append([Sample.draft(3)]).get()
    }

    @Test func roomIsAskedAtMostTenTimesASecond() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...1)
        let asked = Guarded(0)
        disk.fail { call, _ in
            if call == .room { asked.withLock { $0 += 1 } }
            return nil
        }
        for n in UInt64(2)...200 { _ = try machine.append([Sample.draft(n, size: 10)]).get() }  // 1 ms apart by the machine's clock
        #expect((1...3).contains(asked.withLock { $0 }))
    }

    @Test func unreadableBlockHidesOnlyItself() throws {
        let disk = MemoryDisk()
        _ = try filled(disk, 1...12, size: 900)
        let machine = try Machine(disk)
        let count = Guarded(0)
        // The first read of the segment fails, and so does the first small piece of the second attempt but one.
        disk.fail { call, _ in
            call == .pread
                ? count.withLock {
                    $0 += 1
                    return $0 == 1 || $0 == 3 ? 5 : nil
                } : nil
        }
        let (found, summary) = machine.recover()
        disk.fail(nil)
        #expect(summary.corruptRecords >= 1 && found.count >= 6 && found.count < 12)
        machine.housekeep(20)
        #expect(disk.names().contains(path(1)), "a segment that could not be read was given up")
        #expect(try survivors(disk).numbers.count == 12)
    }

    /// Times in records are data; no decision of the spool comes from the wall clock.
    @Test(arguments: [Int64.min, -1, 0, Int64.max]) func clockThatJumps(time: Int64) throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...2)
        var draft = Sample.draft(3)
        draft.id = MessageID(high: 0, low: 3)  // sorts before everything
        draft.envelope.created = time
        draft.envelope.due = time
        let handle = try machine.append([draft]).get()[0]
        machine.commit([.update(handle, UpdateRecord(attempts: 1, due: time, lastReply: ""))])
        machine.clock = 5  // even the monotonic clock of the tests
        machine.settle()
        let opened = try Machine(disk.clone())
        let found = opened.recover().found
        #expect(found.count == 3)
        let message = try #require(found.first { $0.id.low == 3 })
        #expect(message.due == time && message.created == time && message.attempts == 1)
    }

    @Test func recoveryInParallelFindsTheSame() throws {
        let disk = MemoryDisk()
        let machine = try filled(disk, 1...200, size: 500)
        let handles = machine.store.state.withLock { state in
            (UInt64(1)...200).filter { $0 % 3 == 0 }.map { state.index.handle(state.index.find(Sample.id($0))!) }
        }
        machine.commit(handles.map { .done($0) })
        machine.settle()
        let one = try Machine(disk).recover(workers: 1)
        let two = try Machine(disk.clone()).recover(workers: 2)
        #expect(one.found.map(\.id) == two.found.map(\.id) && one.found.count == 134)
        #expect(one.summary.segments > 3)
    }
}

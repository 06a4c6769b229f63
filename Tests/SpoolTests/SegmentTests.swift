import Message
import NIOCore
import Testing

@testable import Spool

/// Life of segments: rolling, recycling, compaction, marks.
@Suite struct SegmentTests {
    private func handle(_ machine: Machine, _ n: UInt64) -> SpoolHandle {
        machine.store.state.withLock { state in state.index.handle(state.index.find(Sample.id(n))!) }
    }

    @Test func deadSegmentsAreRecycled() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        for round in UInt64(0)..<20 {
            let handles = try (1...40).map { try machine.append([Sample.draft(round * 100 + UInt64($0), size: 900)]).get()[0] }
            machine.commit(handles.map { .done($0) })
            machine.housekeep(6)
        }
        #expect(disk.names().count <= 8, "\(disk.names())")
        #expect(machine.writer.nextSequence > 30)
        #expect(try Machine(disk.clone()).recover().found.isEmpty)
    }

    @Test func compactionKeepsMessageAndLatestUpdate() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        for n in UInt64(1)...100 { _ = try machine.append([Sample.draft(n, size: 700)]).get() }
        let kept = (UInt64(1)...100).filter { $0 % 10 == 0 }
        machine.commit(kept.map { .update(handle(machine, $0), UpdateRecord(attempts: 1, due: 5, lastReply: "first", meta: [("m", "1")])) })
        machine.commit(kept.map { .update(handle(machine, $0), UpdateRecord(attempts: 2, due: 6, lastReply: "second", queue: "moved")) })
        machine.commit((UInt64(1)...100).filter { $0 % 10 != 0 }.map { .done(handle(machine, $0)) })
        machine.settle()
        let before = machine.store.state.withLock { $0.segments.count }
        machine.housekeep(60)
        #expect(machine.store.state.withLock { $0.segments.count } < before)
        for (name, reader, handles) in [("live", machine, kept.map { handle(machine, $0) })] + [try reopened(disk)] {
            #expect(handles.count == kept.count, "\(name)")
            for handle in handles {
                let message = try reader.reader.message(handle).get()
                #expect(
                    message.envelope.attempts == 2 && message.envelope.lastReply == "second" && message.envelope.queue == "moved", "\(name)"
                )
                #expect(message.envelope.meta.map(\.value) == ["1"], "\(name)")
                #expect(message.body.inlineBytes == Sample.body(message.id.low, 700), "\(name)")
            }
        }
    }

    private func reopened(_ disk: MemoryDisk) throws -> (String, Machine, [SpoolHandle]) {
        let machine = try Machine(disk.clone())
        let found = machine.recover().found
        #expect(found.allSatisfy { $0.queue == "moved" && $0.attempts == 2 && $0.lastReply == "second" })
        return ("reopened", machine, found.map(\.handle))
    }

    /// Done marks outlive their own segment while the segment of their message lives.
    @Test func marksProtectAsLongAsTheMessageRecordExists() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk, Machine.options { $0.compactionLivePercent = 30 })
        machine.recover()
        // Segment 1: half stays alive, so it is not compacted at once.
        for n in UInt64(1)...14 { _ = try machine.append([Sample.draft(n, size: 700)]).get() }
        let first = machine.writer.active!.sequence
        for round in UInt64(0)..<7 {
            machine.commit([.done(handle(machine, round * 2 + 1))])
            for n in UInt64(100 + round * 50)..<UInt64(125 + round * 50) {
                let doomed = try machine.append([Sample.draft(n, size: 900)]).get()[0]
                machine.commit([.done(doomed)])
            }
            machine.housekeep(20)
        }
        #expect(machine.store.state.withLock { $0.segments[first] } != nil)
        let again = try Machine(disk.clone())
        #expect(Set(again.recover().found.map(\.id.low)) == [2, 4, 6, 8, 10, 12, 14])
    }

    @Test func compactionIsRateLimited() throws {
        let disk = MemoryDisk()
        let machine = try Machine(
            disk,
            Machine.options {
                $0.segmentSize = 1 << 20
                $0.compactionBytesPerSecond = 100_000
            })
        machine.recover()
        for n in UInt64(1)...2000 { _ = try machine.append([Sample.draft(n, size: 900)]).get() }
        machine.commit((UInt64(1)...2000).filter { $0 % 20 != 0 }.map { .done(handle(machine, $0)) })
        machine.settle()
        var slices = 0
        let start = machine.clock
        var offset = -1
        for _ in 0..<100 {
            machine.clock += 10_000_000
            _ = machine.writer.housekeep(machine.clock)
            let now = machine.writer.compaction?.offset ?? -1
            if now != offset { slices += 1 }
            offset = now
        }
        #expect(slices <= 3 && slices > 0, "\(slices) slices of 256 KiB in \((machine.clock - start) / 1_000_000) ms at 100 kB/s")
    }

    @Test func appendOfALiveIDReplacesIt() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        let first = try machine.append([Sample.draft(1, size: 10)]).get()[0]
        let second = try machine.append([Sample.draft(1, size: 500)]).get()[0]
        #expect(first == second)
        #expect(try machine.reader.message(first).get().bodyLength == 500)
        let again = try Machine(disk.clone())
        #expect(again.recover().found.map(\.size) == [500 + Sample.headers(1).readableBytes])
        machine.commit([.done(first)])
        machine.settle()
        #expect(try Machine(disk.clone()).recover().found.isEmpty)
    }

    @Test func staleHandlesDoNothing() throws {
        let machine = try Machine(MemoryDisk())
        machine.recover()
        let old = try machine.append([Sample.draft(1)]).get()[0]
        machine.commit([.done(old)])
        let new = try machine.append([Sample.draft(2)]).get()[0]
        #expect(old != new)
        machine.commit([.done(old), .update(old, UpdateRecord(attempts: 9, due: 9, lastReply: ""))])
        #expect(try machine.reader.message(new).get().envelope == Sample.envelope(2))
        guard case .failure(let error) = machine.reader.message(old) else {
            Issue.record("read a finished message")
            return
        }
        #expect(error.code == .gone)
        machine.commit([.done(SpoolHandle(raw: .max))])
    }

    @Test func memoryDraftsTouchNoDiskUntilTheirFirstUpdate() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        let handles = try machine.append([Sample.draft(1), Sample.draft(2, size: 3000), Sample.draft(3)], .memory).get()
        #expect(machine.writer.active == nil)
        #expect(try machine.reader.message(handles[1]).get().body.inlineBytes == Sample.body(2, 3000))
        machine.commit([.done(handles[0])])
        machine.commit([.update(handles[1], UpdateRecord(attempts: 1, due: 8, lastReply: "450 wait"))])
        machine.settle()
        #expect(machine.store.state.withLock { $0.drafts.count } == 1)
        let again = try Machine(disk.clone())
        let found = again.recover().found
        #expect(found.map(\.id.low) == [2] && found[0].attempts == 1 && found[0].lastReply == "450 wait")
        #expect(try again.reader.message(found[0].handle).get().body.inlineBytes == Sample.body(2, 3000))
        machine.writer.finish(machine.clock)
        #expect(try Set(Machine(disk.clone()).recover().found.map(\.id.low)) == [2, 3])
    }

    @Test func memoryHasABound() throws {
        let machine = try Machine(MemoryDisk(), Machine.options { $0.maxMemoryDrafts = 2000 })
        machine.recover()
        for n in UInt64(1)...20 { _ = try machine.append([Sample.draft(n, size: 300)], .memory).get() }
        #expect(machine.store.state.withLock { $0.draftBytes } <= 2000)
        #expect(machine.writer.active!.live >= 16)
    }
}

import Message
import NIOCore
import Testing

@testable import Spool

/// Bodies: inline, split, shared, streamed.
@Suite struct BodyTests {
    private let shared = MessageID(high: 9, low: 9)

    private func drafts(_ numbers: ClosedRange<UInt64>, size: Int) -> [SpoolDraft] {
        numbers.map { n in
            var draft = Sample.draft(n)
            draft.body =
                n == numbers.lowerBound || n % 2 == 0
                ? .inlineShared(shared, Sample.body(77, size)) : .shared(BodyReference(id: shared, length: size))
            return draft
        }
    }

    @Test(arguments: [0, 1, 100, 1023, 1024, 1025, 4096, 5000, 40_000]) func anySizeComesBack(size: Int) throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        let handle = try machine.append([Sample.draft(1, size: size)]).get()[0]
        #expect(try machine.reader.message(handle).get().body.inlineBytes == Sample.body(1, size))
        for (offset, length) in [(0, size), (size / 3, 700), (size, 5), (size + 9, 1), (0, Int.max)] {
            let part = try machine.reader.body(handle, offset: offset, length: length).get()
            let start = min(offset, size)
            #expect(part == Sample.body(1, size).getSlice(at: start, length: min(length, size - start)))
        }
        let again = try Machine(disk.clone())
        let found = again.recover().found
        #expect(found.map(\.size) == [size + Sample.headers(1).readableBytes])
        #expect(try again.reader.message(found[0].handle).get().body.inlineBytes == Sample.body(1, size))
    }

    @Test func sharedBodyIsWrittenOnce() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk, Machine.options { $0.segmentSize = 256 << 10 })
        machine.recover()
        let handles = try machine.append(drafts(1...20, size: 20_000)).get()
        #expect(machine.writer.active!.used < 20_000 + 20 * 600 + 2000)
        for handle in handles { #expect(try machine.reader.message(handle).get().body.inlineBytes == Sample.body(77, 20_000)) }
        // The body lives as long as one message refers to it, and not longer.
        machine.commit(handles.dropLast().map { .done($0) })
        #expect(try machine.reader.message(handles.last!).get().bodyLength == 20_000)
        machine.commit([.done(handles.last!)])
        #expect(machine.store.state.withLock { $0.bodies.find(shared) } == nil)
        #expect(machine.writer.active!.live == 0)
    }

    @Test func smallSharedBodiesStayInline() throws {
        let machine = try Machine(MemoryDisk(), Machine.options { $0.segmentSize = 256 << 10 })
        machine.recover()
        let handles = try machine.append(drafts(2...2, size: 4096)).get()
        #expect(machine.store.state.withLock { $0.bodies.find(shared) } == nil)
        #expect(try machine.reader.message(handles[0]).get().body.inlineBytes == Sample.body(77, 4096))
    }

    @Test func streamedBody() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk, Machine.options { $0.wholeBodyLimit = 1000 })
        machine.recover()
        let whole = Sample.body(5, 30_000)
        for i in 0..<10 { _ = try machine.chunk(shared, i, whole.getSlice(at: i * 3000, length: 3000)!).get() }
        var draft = Sample.draft(1)
        draft.body = .shared(BodyReference(id: shared, length: 29_999))
        #expect(throws: SpoolError.self) { try machine.append([draft]).get() }
        draft.body = .shared(BodyReference(id: shared, length: 30_000))
        let handle = try machine.append([draft]).get()[0]
        guard case .shared(let reference) = try machine.reader.message(handle).get().body else {
            Issue.record("not a reference")
            return
        }
        #expect(reference.length == 30_000)
        for offset in stride(from: 0, to: 30_000, by: 4444) {
            #expect(
                try machine.reader.body(handle, offset: offset, length: 4444).get()
                    == whole.getSlice(at: offset, length: min(4444, 30_000 - offset)))
        }
        // The body's pieces are in other segments than the message: recovery hands the message out when it has them all.
        let again = try Machine(disk.clone())
        let (found, summary) = again.recover()
        #expect(found.count == 1 && summary.damagedBodies == 0 && summary.segments > 1)
        #expect(try again.reader.body(found[0].handle, offset: 0, length: 30_000).get() == whole)
    }

    @Test func unreferencedBodiesAreDropped() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        for i in 0..<6 { _ = try machine.chunk(shared, i, Sample.body(1, 3000)).get() }
        let copy = disk.clone()
        machine.commit([.abandon(shared)])
        machine.housekeep(5)
        #expect(machine.store.state.withLock { $0.segments.count } == 1)
        let again = try Machine(copy)
        #expect(again.recover().summary.orphanBodies == 1)
        again.housekeep(5)
        #expect(again.store.state.withLock { $0.segments.isEmpty })
    }

    @Test func missingPieceIsSaid() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        let handle = try machine.append([Sample.draft(1, size: 8000)]).get()[0]
        let place = machine.store.state.withLock { state in state.bodies[state.index.entry(handle)!.body - 1]!.chunks[1].location }
        disk.modify("/spool/segments/" + SegmentName.active(place.segment)) { $0[Int(place.offset) + 100] ^= 1 }
        #expect(throws: SpoolError.self) { try machine.reader.message(handle).get() }
        let again = try Machine(disk)
        let (found, summary) = again.recover()
        #expect(found.count == 1 && summary.damagedBodies == 1 && summary.corruptRecords == 1)
        guard case .failure(let error) = again.reader.message(found[0].handle) else {
            Issue.record("read a damaged body")
            return
        }
        #expect(error.code == .corrupt)
    }

    @Test func tooLargeIsAnError() throws {
        let machine = try Machine(MemoryDisk())
        machine.recover()
        var draft = Sample.draft(1)
        draft.headers = ByteBuffer(repeating: 65, count: 5000)
        guard case .failure(let error) = machine.append([Sample.draft(2), draft]) else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == .tooLarge)
        #expect(machine.store.state.withLock { $0.index.count } == 0)
        guard case .failure(let chunk) = machine.chunk(shared, 0, ByteBuffer(repeating: 1, count: 5000)) else {
            Issue.record("accepted")
            return
        }
        #expect(chunk.code == .tooLarge)
    }
}

/// A body that all recipients of a transaction share counts once.
@Suite struct SharedBodyTests {
    private func transaction(_ count: Int, size: Int) -> [SpoolDraft] {
        let body = Sample.body(1, size)
        return (1...UInt64(count)).map { n in
            SpoolDraft(id: Sample.id(n), envelope: Sample.envelope(n), headers: Sample.headers(n), body: .inline(body))
        }
    }

    @Test func oneBufferIsOneBody() {
        let drafts = SpoolDraft.sharing(transaction(20, size: 1 << 20))
        #expect(SpoolDraft.weight(of: drafts) < (1 << 20) + 20 * 1000)
        let small = SpoolDraft.sharing(transaction(20, size: 100))
        #expect(small.allSatisfy { if case .inline = $0.body { true } else { false } })
        // Equal bytes in different buffers, and pieces of one buffer, are not the same body.
        var others = transaction(2, size: 9000)
        others[1].body = .inline(Sample.body(1, 9000))
        others.append(
            SpoolDraft(
                id: Sample.id(9), envelope: Sample.envelope(9), headers: Sample.headers(9),
                body: .inline(Sample.body(1, 9000).getSlice(at: 0, length: 8000)!)))
        #expect(SpoolDraft.sharing(others).allSatisfy { if case .inline = $0.body { true } else { false } })
    }

    @Test(arguments: [Durability.fsync, .memory]) func twentyRecipientsOfALargeMessage(durability: Durability) throws {
        let folder = Folder()
        let spool = try folder.open {
            $0.segmentSize = 8 << 20
            $0.maxBacklog = 2 << 20
            $0.maxMemoryDrafts = 2 << 20
        }
        _ = spool.recovered()
        let collector = Collector()
        // While the first waits the second is weighed.
        for ticket in UInt64(1)...2 {
            var drafts = transaction(20, size: 900_000)
            for index in drafts.indices { drafts[index].id = Sample.id(ticket * 100 + UInt64(index)) }
            spool.append(SpoolDraft.sharing(drafts), durability: durability, ticket: ticket, to: collector)
        }
        for completion in collector.wait(2) { #expect(throws: Never.self) { try completion.result.get() } }
        #expect(spool.messageCount == 40)
        spool.close()
        let again = try folder.open { $0.segmentSize = 8 << 20 }
        let found = again.recovered().found
        #expect(found.count == 40 && again.segmentCount == 1)
        for message in found { #expect(try again.message(message.handle).get().body.inlineBytes == Sample.body(1, 900_000)) }
        again.close()
    }
}

import Glibc
import Message
import NIOCore
import Platform
import Telemetry
import Testing

@testable import Spool

/// The whole spool with its threads on the real disk.
@Suite struct SpoolTests {
    @Test func appendReadReopen() throws {
        let folder = Folder()
        let spool = try folder.open()
        #expect(spool.recovered().found.isEmpty)
        let handles = try spool.appended((UInt64(1)...50).map { Sample.draft($0, size: Int($0) * 200) }).get()
        for (n, handle) in zip(UInt64(1)..., handles) {
            #expect(try spool.message(handle).get().body.inlineBytes == Sample.body(n, Int(n) * 200))
        }
        #expect(try spool.piece(handles[9], 500, 100).get() == Sample.body(10, 2000).getSlice(at: 500, length: 100))
        spool.update(handles[0], attempts: 4, due: 99, lastReply: "421 busy", meta: [("k", "1")], queue: "other")
        for handle in handles[10...] { spool.done(handle) }
        spool.close()
        let again = try folder.open()
        let found = again.recovered().found
        #expect(Set(found.map(\.id.low)) == Set(1...10))
        let first = try #require(found.first { $0.id.low == 1 })
        #expect(first.attempts == 4 && first.due == 99 && first.queue == "other" && first.lastReply == "421 busy")
        #expect(again.messageCount == 10)
        again.close()
    }

    @Test func updatesAndDoneAreCommittedWithinTheDelay() throws {
        let folder = Folder()
        let spool = try folder.open()
        _ = spool.recovered()
        let handles = try spool.appended([Sample.draft(1), Sample.draft(2)]).get()
        spool.done(handles[0])
        let deadline = monotonicNow() + 5_000_000_000
        while spool.messageCount != 1, monotonicNow() < deadline { sched_yield() }
        #expect(spool.messageCount == 1)
        guard case .failure(let error) = spool.message(handles[0]) else {
            Issue.record("read a finished message")
            return
        }
        #expect(error.code == .gone)
        spool.close()
    }

    @Test func aBarrierComesBehindTheUpdatesBeforeIt() throws {
        let folder = Folder()
        let spool = try folder.open()
        _ = spool.recovered()
        let drafts = (UInt64(1)...20).map { Sample.draft($0) }
        let handles = try spool.appended(drafts).get()
        for (draft, handle) in zip(drafts, handles) { #expect(spool.handle(of: draft.id) == handle) }
        for attempt in 1...20 {
            for handle in handles { spool.update(handle, attempts: attempt, due: 1, lastReply: "r") }
            let mailbox = Collector()
            spool.barrier(ticket: 3, to: mailbox)
            let completion = mailbox.wait(1)[0]
            #expect(try completion.ticket == 3 && completion.result.get().isEmpty)
            #expect(try spool.message(handles[attempt - 1]).get().envelope.attempts == attempt)
        }
        spool.done(handles[0])
        let mailbox = Collector()
        spool.barrier(ticket: 4, to: mailbox)
        _ = mailbox.wait(1)
        #expect(spool.handle(of: drafts[0].id) == nil)
        spool.close()
    }

    @Test func oneDeliveryPerMailboxAndCommit() throws {
        let folder = Folder()
        let spool = try folder.open()
        _ = spool.recovered()
        let mailboxes = [Collector(), Collector()]
        for n in UInt64(0)..<600 {
            spool.append([Sample.draft(n + 1, size: 10)], durability: .fsync, ticket: n, to: mailboxes[Int(n % 2)])
        }
        for (i, mailbox) in mailboxes.enumerated() {
            let completions = mailbox.wait(300)
            #expect(completions.map(\.ticket) == (0..<300).map { UInt64($0 * 2 + i) })
            #expect(mailbox.calls < 300)
        }
        spool.close()
    }

    @Test func backlogIsBounded() throws {
        let folder = Folder()
        let spool = try folder.open { $0.maxBacklog = 100_000 }
        _ = spool.recovered()
        let mailbox = Collector()
        let body = ByteBuffer(repeating: 1, count: 60_000)
        var drafts: [SpoolDraft] = []
        for n in UInt64(1)...200 {
            var draft = Sample.draft(n)
            draft.body = .inline(body)
            drafts.append(draft)
        }
        for draft in drafts { spool.append([draft], durability: .fsync, ticket: draft.id.low, to: mailbox) }
        let completions = mailbox.wait(200)
        var taken = 0
        for completion in completions {
            switch completion.result {
            case .success: taken += 1
            case .failure(let error): #expect(error.code == .overloaded)
            }
        }
        #expect(taken >= 1 && taken < 200 && spool.messageCount == taken)
        spool.close()
    }

    @Test func closeAnswersEverythingAndRefusesTheRest() throws {
        let folder = Folder()
        let spool = try folder.open()
        let mailbox = Collector()
        for n in UInt64(1)...100 { spool.append([Sample.draft(n)], durability: n % 2 == 0 ? .memory : .written, ticket: n, to: mailbox) }
        spool.close()
        #expect(mailbox.take().count == 100)
        spool.append([Sample.draft(101)], durability: .fsync, ticket: 101, to: mailbox)
        guard case .failure(let error) = mailbox.take()[0].result else {
            Issue.record("a closed spool took mail")
            return
        }
        #expect(error.code == .closed)
        guard case .failure(let read) = spool.message(SpoolHandle(raw: 0)) else {
            Issue.record("a closed spool read")
            return
        }
        #expect(read.code == .closed)
        spool.close()
        let again = try folder.open()
        #expect(again.recovered().found.count == 100)
        again.close()
    }

    @Test func intakeIsOpenWhileRecoveryRuns() throws {
        let folder = Folder()
        do {
            let spool = try folder.open()
            _ = spool.recovered()
            for start in stride(from: UInt64(1), to: 2000, by: 100) {
                _ = try spool.appended((start..<(start + 100)).map { Sample.draft($0, size: 500) }).get()
            }
            spool.close()
        }
        let spool = try folder.open()
        let found = Guarded(0)
        let answered = Guarded(false)
        let finished = Guarded(false)
        let mailbox = Collector()
        spool.recover(
            batch: { batch in
                let first = found.withLock { count -> Bool in
                    defer { count += batch.count }
                    return count == 0
                }
                guard first else { return }
                // In the middle of recovery: an append is answered before the next batch is asked for.
                spool.append([Sample.draft(9000)], durability: .fsync, ticket: 1, to: mailbox)
                answered.withLock { $0 = mailbox.wait(1).count == 1 }
                for message in batch { spool.done(message.handle) }
            },
            finished: { _ in
                finished.withLock { $0 = true }
                finished.broadcast()
            })
        _ = finished.wait { $0 ? true : nil }
        #expect(answered.withLock { $0 } && found.withLock { $0 } == 2000)
        spool.close()
    }

    /// Many threads at once: appends, updates, done, reads, compaction.
    @Test func threads() throws {
        let folder = Folder()
        let spool = try folder.open {
            $0.segmentSize = 64 << 10
            $0.compactionBytesPerSecond = 1 << 30
        }
        _ = spool.recovered()
        let failures = Guarded<[String]>([])
        let kept = Guarded<Set<UInt64>>([])
        let threads = (UInt64(0)..<4).compactMap { lane in
            try? WorkerThread(name: "lane") {
                for round in UInt64(0)..<60 {
                    let base = 1 + lane * 100_000 + round * 10
                    guard
                        case .success(let handles) = spool.appended(
                            (base..<(base + 10)).map { Sample.draft($0, size: Int($0 % 3000)) }, round % 3 == 0 ? .written : .fsync)
                    else {
                        failures.withLock { $0.append("append \(base)") }
                        return
                    }
                    for (n, handle) in zip(base..., handles) {
                        if n % 5 != 0 {
                            spool.done(handle)
                            continue
                        }
                        kept.withLock { _ = $0.insert(n) }
                        spool.update(handle, attempts: 1, due: 1, lastReply: "x")
                        switch spool.message(handle) {
                        case .success(let message) where message.body.inlineBytes == Sample.body(n, Int(n % 3000)): break
                        case let other: failures.withLock { $0.append("read \(n): \(other)") }
                        }
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 }.isEmpty)
        spool.close()
        let again = try folder.open()
        let found = again.recovered().found
        #expect(Set(found.map(\.id.low)) == kept.withLock { $0 } && found.allSatisfy { $0.attempts == 1 })
        again.close()
    }
}

import Dispatch
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import Resources

@Suite struct NodeMailboxTests {
    @Test func oneWakeUpMovesAll() {
        let loop = EmbeddedEventLoop()
        let batches = Mutex<[[Int]]>([])
        let mailbox = Mailbox<Int>(loop: loop)
        mailbox.open { items in batches.withLock { $0.append(items) } }
        mailbox.post(1)
        mailbox.post(contentsOf: [2, 3])
        mailbox.post(contentsOf: [])
        mailbox.post(4)
        loop.run()
        #expect(batches.withLock { $0 } == [[1, 2, 3, 4]])
        mailbox.post(5)
        loop.run()
        #expect(batches.withLock { $0 } == [[1, 2, 3, 4], [5]])
    }

    @Test func whatIsPostedBeforeItIsOpenedIsKept() {
        let loop = EmbeddedEventLoop()
        let batches = Mutex<[[Int]]>([])
        let mailbox = Mailbox<Int>(loop: loop)
        mailbox.post(1)
        mailbox.post(2)
        loop.run()
        mailbox.open { items in batches.withLock { $0.append(items) } }
        loop.run()
        mailbox.post(3)
        loop.run()
        #expect(batches.withLock { $0 } == [[1, 2], [3]])
    }

    @Test func whatIsPostedWhileDrainingComesNext() {
        let loop = EmbeddedEventLoop()
        let seen = Mutex<[Int]>([])
        let holder = Mutex<Mailbox<Int>?>(nil)
        let mailbox = Mailbox<Int>(loop: loop)
        mailbox.open { items in
            seen.withLock { $0 += items }
            if items == [1] { holder.withLock { $0 }?.post(2) }
        }
        holder.withLock { $0 = mailbox }
        mailbox.post(1)
        loop.run()
        #expect(seen.withLock { $0 } == [1, 2])
        holder.withLock { $0 = nil }
    }

    @Test func manyThreadsKeepTheirOrder() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let threads = 8
        let each = 5000
        let seen = Mutex<[Int]>([])
        let drains = Atomic<Int>(0)
        let mailbox = Mailbox<Int>(loop: group.next())
        mailbox.open { items in
            drains.wrappingAdd(1, ordering: .relaxed)
            seen.withLock { $0 += items }
        }
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            DispatchQueue.global().async {
                DispatchQueue.concurrentPerform(iterations: threads) { thread in
                    for index in 0..<each { mailbox.post(thread * each + index) }
                }
                done.resume()
            }
        }
        let all = await eventually { seen.withLock { $0.count } == threads * each }
        #expect(all)
        let items = seen.withLock { $0 }
        for thread in 0..<threads {
            let own = items.filter { $0 / each == thread }
            #expect(own == (0..<each).map { thread * each + $0 })
        }
        #expect(drains.load(ordering: .relaxed) < threads * each)
        try await group.shutdownGracefully()
    }
}

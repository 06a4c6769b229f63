import Glibc
import Message
import NIOCore
import Telemetry

@testable import Spool

/// A directory of its own on the real disk, removed at the end. *shared*.
final class Folder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/spool-test-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in (try? SystemIO().list(path)) ?? [] {
            if unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
        }
        rmdir(path)
    }

    func options(_ change: (inout SpoolOptions) -> Void = { _ in }) -> SpoolOptions {
        var options = SpoolOptions(
            directory: path + "/spool", nodeID: "node-1", segmentSize: 256 << 10, maxDelayNanoseconds: 5_000_000, minFreeSpace: 0,
            minFreeInodes: 0)
        change(&options)
        return options
    }

    func open(_ change: (inout SpoolOptions) -> Void = { _ in }) throws(SpoolError) -> Spool {
        try Spool.reopened(options(change))
    }
}

extension Spool {
    /// Recovers and waits.
    func recovered() -> (found: [RecoveredMessage], summary: RecoverySummary) {
        let found = Guarded<[RecoveredMessage]>([])
        let summary = Guarded<RecoverySummary?>(nil)
        recover(
            batch: { batch in found.withLock { $0 += batch } },
            finished: { result in
                summary.withLock { $0 = result }
                summary.broadcast()
            })
        let result = summary.wait { $0 }!
        return (found.withLock { $0 }, result)
    }

    func message(_ handle: SpoolHandle) -> Result<SpoolMessage, SpoolError> {
        let box = Guarded<Result<SpoolMessage, SpoolError>?>(nil)
        read(handle, ticket: 1) { result in
            box.withLock { $0 = result }
            box.broadcast()
        }
        return box.wait { $0 }!
    }

    func piece(_ handle: SpoolHandle, _ offset: Int, _ length: Int) -> Result<ByteBuffer, SpoolError> {
        let box = Guarded<Result<ByteBuffer, SpoolError>?>(nil)
        readBody(handle, offset: offset, length: length) { result in
            box.withLock { $0 = result }
            box.broadcast()
        }
        return box.wait { $0 }!
    }

    /// Waits until what was asked before is on disk.
    func awaitBarrier() {
        let mailbox = Collector()
        barrier(ticket: 8, to: mailbox)
        _ = mailbox.wait(1)
    }

    /// Appends and waits.
    func appended(_ drafts: [SpoolDraft], _ durability: Durability = .fsync) -> Result<[SpoolHandle], SpoolError> {
        let mailbox = Collector()
        append(drafts, durability: durability, ticket: 9, to: mailbox)
        return mailbox.wait(1)[0].result
    }
}

extension Spool {
    /// Opens a spool that this process has closed. A process that another test starts at this moment has the descriptors of this one, and with
    /// them its locks, until its exec: that is waited out.
    static func reopened(_ options: SpoolOptions, metrics: MetricRegistry = MetricRegistry()) throws(SpoolError) -> Spool {
        for _ in 0..<500 {
            do throws(SpoolError) { return try Spool(options, metrics: metrics) } catch {
                guard error.code == .locked else { throw error }
                usleep(10_000)
            }
        }
        return try Spool(options, metrics: metrics)
    }
}

import Glibc
import NIOCore
import Synchronization

/// *Shared*: a log with group commit: its thread writes all that has come while the last sync ran, syncs once, and tells each loop once.
final class AppendLog: Sendable {
    /// *Value*: one message and the connection that waits for it.
    private struct Entry: Sendable {
        let bytes: ByteBuffer
        let loop: any EventLoop
        let done: @Sendable () -> Void
    }

    private struct State {
        var pending: [Entry] = []
        var isAsleep = false
    }

    private let state = Mutex(State())
    /// Wakes the thread: both ends of a pipe.
    private let bell: (reading: Int32, writing: Int32)
    private let file: Int32
    /// The file begins again at this size; nobody reads it.
    private static let size = 900 << 20

    /// - Throws: `AppendLogError` when the file cannot be opened.
    init(path: String) throws {
        file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
        var ends: [Int32] = [-1, -1]
        let isPiped = pipe(&ends) == 0
        bell = (ends[0], ends[1])
        guard file >= 0, isPiped else { throw AppendLogError(path: path, code: errno) }
        posix_fallocate(file, 0, 1 << 30)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<AppendLog>.fromOpaque(context).takeRetainedValue().run()
            }, context)
    }

    /// Writes the bytes; `done` runs on `loop` when they are on disk.
    func append(_ bytes: ByteBuffer, loop: any EventLoop, done: @escaping @Sendable () -> Void) {
        let wakes = state.withLock { state in
            state.pending.append(Entry(bytes: bytes, loop: loop, done: done))
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if wakes {
            var one: UInt8 = 1
            _ = write(bell.writing, &one, 1)
        }
    }

    private func run() -> Never {
        var offset = 0
        while true {
            let batch = state.withLock { state in
                state.isAsleep = state.pending.isEmpty
                defer { state.pending = [] }
                return state.pending
            }
            guard !batch.isEmpty else {
                var one: UInt8 = 0
                _ = read(bell.reading, &one, 1)
                continue
            }
            offset = commit(batch, at: offset)
            report(batch)
        }
    }

    /// Writes and syncs a batch; answers where the next begins.
    private func commit(_ batch: [Entry], at start: Int) -> Int {
        var offset = start + batch.reduce(0) { $0 + $1.bytes.readableBytes } > Self.size ? 0 : start
        var vectors: [iovec] = []
        vectors.reserveCapacity(batch.count)
        for entry in batch {
            // The batch keeps the buffers alive until the write is done.
            entry.bytes.withUnsafeReadableBytes {
                vectors.append(iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count))
            }
        }
        withExtendedLifetime(batch) {
            var first = 0
            while first < vectors.count {
                let count = min(1024, vectors.count - first)
                offset += max(0, vectors.withUnsafeBufferPointer { pwritev(file, $0.baseAddress! + first, Int32(count), off_t(offset)) })
                first += count
            }
        }
        fdatasync(file)
        return offset
    }

    /// One wake-up per loop.
    private func report(_ batch: [Entry]) {
        var loops: [ObjectIdentifier: [Entry]] = [:]
        for entry in batch { loops[ObjectIdentifier(entry.loop), default: []].append(entry) }
        for entries in loops.values {
            entries[0].loop.execute { for entry in entries { entry.done() } }
        }
    }
}

/// *Value*: the log cannot be written.
struct AppendLogError: Error, CustomStringConvertible {
    let path: String
    let code: Int32

    var description: String { "cannot write \(path): \(String(cString: strerror(code))); choose another file with --log" }
}

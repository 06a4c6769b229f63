import Dispatch
import Glibc
import Platform
package import Shaping
import Synchronization
import Telemetry

/// *Shared*: what the limits of this node have given out, in `limits.state` of the spool directory, so that a restart does not begin them anew.
///
/// A rate with a period above `shortest` is written down before what it grants is used: one `write` into the page cache, which outlives
/// the process, and a sync within 50 ms for the machine. Shorter ones are not worth it: they rest for one period after a start.
///
/// *Diagnostics*: a file that is damaged, cut or missing is moved to `corrupt/`, logged, and all it may have known rests for one period. What
/// cannot be written is not given out: the limit waits, an ERROR line says so once, and it is tried again. Nothing is thrown after the start.
package final class LimitJournal: Sendable {
    /// Rates with a longer period are written down.
    static let shortest: Int64 = 2_000_000_000
    /// The name of the file.
    package static let name = "limits.state"
    /// The root that counts the connections of clients.
    package static let clients: UInt8 = 2
    private static let syncDelay = 0.05
    /// Bytes of outdated records that are worth a rewrite.
    private static let largestRecord = 64 << 10
    private static let garbage = 256 << 10

    /// *Value*: where readings of the clocks come from.
    struct Clocks: Sendable {
        var boot: String
        var monotonic: @Sendable () -> Int64
        var wall: @Sendable () -> Int64

        static var system: Clocks { Clocks(boot: BootIdentity.current(), monotonic: Clock.monotonic, wall: Clock.wall) }

        var now: LimitFile.Moment { LimitFile.Moment(monotonic: monotonic(), wall: wall()) }
    }

    /// *Value*: the open file.
    private struct Core: Sendable {
        var file: Int32 = -1
        var end = 0
        /// The size after the last rewrite.
        var rewritten = 0
        /// What was written while a rewrite is made; nil when none is.
        var meanwhile: [UInt8]?
        var isDirty = false
        var isFailing = false
        var retryAt = Int64.min
        var isClosed = false
        var roots: [UInt8: @Sendable () -> [(key: LimitKey, record: RateRecord)]] = [:]
    }

    /// What was wrong with the file that was there, for the operator; nil when it was whole.
    package let damage: String?
    let clocks: Clocks
    private let path: String
    private let directory: String
    private let recorded: [LimitFile.Key: RateRecord]
    private let lostAt: Int64?
    /// When this process began, in a spool that others may have used before; nil in a new one.
    private let startedAt: Int64?
    private let core = Mutex(Core())
    private let queue = DispatchQueue(label: "limits")

    /// Opens the journal of a spool directory.
    /// - Parameters:
    ///   - isNew: nothing can have been given out before.
    ///   - mustExist: the file was there before.
    package convenience init(directory: String, isNew: Bool, mustExist: Bool) {
        self.init(directory: directory, isNew: isNew, mustExist: mustExist, clocks: .system)
    }

    init(directory: String, isNew: Bool, mustExist: Bool? = nil, clocks: Clocks) {
        self.directory = directory
        self.clocks = clocks
        path = directory + "/" + Self.name
        let now = clocks.now
        var damage: String?
        var known: LimitFile?
        do throws(NodeError) {
            if let bytes = try Self.bytes(of: path) {
                known = try LimitFile(bytes)
            } else if mustExist ?? !isNew {
                damage = "it is missing"
            }
        } catch { damage = error.message }
        let adopted = known?.adopted(boot: clocks.boot, at: now)
        recorded = adopted?.rates ?? [:]
        lostAt = damage == nil ? adopted?.lostAt : now.monotonic
        startedAt = isNew ? nil : now.monotonic
        self.damage = damage
        if let damage {
            Self.keepDamaged(path, directory: directory, wall: now.wall)
            Log.error(
                "what limits have given out is not known; each of them rests for one period from now on, so that none is exceeded",
                ["file": path, "error": damage])
        }
        let content = Self.content(recorded, lostAt: lostAt, boot: clocks.boot, now: now)
        core.withLock { core in
            do throws(NodeError) {
                core.file = try Self.replace(path, directory: directory, with: content)
                core.end = content.count
            } catch {
                // On a full disk the file as it is will do, when it is of this boot.
                if let known, known.boot == clocks.boot, now.monotonic >= known.newest.monotonic {
                    core.file = open(path, O_RDWR | O_CLOEXEC)
                    core.end = known.end
                }
                if core.file < 0 { Self.reportFailure(error.message, &core) }
            }
            core.rewritten = core.end
        }
    }

    deinit { core.withLock { if $0.file >= 0 { Glibc.close($0.file) } } }

    /// A root whose long rates are kept here. `id` tells it from others, and is the same after a restart.
    package func root(_ id: UInt8) -> InProcessLimitRoot {
        let mine = recorded.reduce(into: [LimitKey: RateRecord]()) { if $1.key.root == id { $0[$1.key.limit] = $1.value } }
        // Clients are counted where they arrive; everything else is promised at a peer.
        let root = InProcessLimitRoot(
            grace: 0, isGuarded: id != Self.clients, ledger: Ledger(journal: self, id: id, recorded: mine), now: clocks.monotonic())
        core.withLock { core in core.roots[id] = { [weak root] in root?.records() ?? [] } }
        return root
    }

    /// *Value*: the part of the journal that belongs to one root.
    private struct Ledger: RateLedger {
        package let journal: LimitJournal
        package let id: UInt8
        let recorded: [LimitKey: RateRecord]

        /// Clients are never kept out for what a lost file may have said of them.
        func usedUntil(_ spec: ThrottleSpec) -> Int64? {
            id == LimitJournal.clients ? nil : covers(spec) ? journal.lostAt : journal.startedAt
        }
        func covers(_ spec: ThrottleSpec) -> Bool { spec.periodNanoseconds > LimitJournal.shortest }
        package func write(_ key: LimitKey, _ record: RateRecord) -> Bool { journal.write(LimitFile.Key(root: id, limit: key), record) }
    }

    // MARK: Writing

    private func write(_ key: LimitFile.Key, _ record: RateRecord) -> Bool {
        let now = clocks.now
        guard let frame = LimitFile.frame(key, record, now) else { return false }
        return core.withLock { core in
            guard !core.isClosed else { return false }
            guard core.file >= 0 else {
                retrySoon(&core, now: now.monotonic)
                return false
            }
            let head = LimitFile.head(end: core.end + frame.count, lostAt: lostAt)
            guard Self.put(frame, core.file, at: core.end), Self.put(head, core.file, at: 0) else {
                Self.reportFailure("cannot write \(path): \(NodeError.errnoText)", &core)
                return false
            }
            core.end += frame.count
            core.meanwhile?.append(contentsOf: frame)
            if core.isFailing {
                core.isFailing = false
                Log.info("what limits give out is written again", ["file": path])
            }
            if !core.isDirty {
                core.isDirty = true
                queue.asyncAfter(deadline: .now() + Self.syncDelay) { [weak self] in self?.tend() }
            }
            return true
        }
    }

    private static func reportFailure(_ text: String, _ core: inout Core) {
        guard !core.isFailing else { return }
        core.isFailing = true
        Log.error(
            "what limits give out cannot be written, so limits with a period of more than 2 s wait: make room on the spool's volume",
            ["error": text])
    }

    /// The file could not even be opened: tries again once a second.
    private func retrySoon(_ core: inout Core, now: Int64) {
        guard now >= core.retryAt else { return }
        core.retryAt = now + 1_000_000_000
        queue.async { [weak self] in self?.rewrite() }
    }

    /// Syncs what was written; rewrites the file when most of it is outdated.
    private func tend() {
        let (file, isLarge) = core.withLock { core in
            core.isDirty = false
            return (core.isClosed ? -1 : dup(core.file), core.end > 2 * core.rewritten + Self.garbage)
        }
        guard file >= 0 else { return }
        fdatasync(file)
        Glibc.close(file)
        if isLarge { rewrite() }
    }

    /// Writes all that matters into a new file. Records that are written meanwhile go to both.
    private func rewrite() {
        let roots = core.withLock { core in
            core.meanwhile = []
            return core.roots
        }
        let now = clocks.now
        var rates: [LimitFile.Key: RateRecord] = [:]
        for (id, records) in roots {
            for (key, record) in records() where !record.isIdle(now: now.monotonic) { rates[LimitFile.Key(root: id, limit: key)] = record }
        }
        let content = Self.content(rates, lostAt: lostAt, boot: clocks.boot, now: now)
        let made: Int32
        do throws(NodeError) { made = try Self.write(content, to: path + ".new") } catch {
            return core.withLock { core in
                core.meanwhile = nil
                core.rewritten = core.end  // tried again when as much has come again
                if core.file < 0 { Self.reportFailure(error.message, &core) }
            }
        }
        core.withLock { core in
            let tail = core.meanwhile ?? []
            core.meanwhile = nil
            let end = content.count + tail.count
            guard !core.isClosed, Self.put(tail, made, at: content.count), Self.put(LimitFile.head(end: end, lostAt: lostAt), made, at: 0),
                fdatasync(made) == 0, rename(path + ".new", path) == 0
            else {
                Glibc.close(made)
                core.rewritten = core.end
                return
            }
            if core.file >= 0 { Glibc.close(core.file) }
            core.file = made
            core.end = end
            core.rewritten = end
        }
    }

    /// Syncs and ends. What is asked for afterwards is refused.
    package func close() {
        core.withLock { core in
            core.isClosed = true
            guard core.file >= 0 else { return }
            fdatasync(core.file)
            Glibc.close(core.file)
            core.file = -1
        }
    }
}

// MARK: Files

extension LimitJournal {
    private static func content(
        _ rates: [LimitFile.Key: RateRecord], lostAt: Int64?, boot: String, now: LimitFile.Moment
    ) -> [UInt8] {
        var frames = LimitFile.bootFrame(boot, now)
        for (key, record) in rates { frames += LimitFile.frame(key, record, now) ?? [] }
        return LimitFile.head(end: LimitFile.headSize + frames.count, lostAt: lostAt) + frames
    }

    private static func bytes(of path: String) throws(NodeError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw NodeError("it cannot be read: \(NodeError.errnoText)")
        }
        defer { Glibc.close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw NodeError("it cannot be read: \(NodeError.errnoText)") }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count < 1 << 30 else { throw NodeError("it is too large") }
        }
    }

    /// What is wrong with the file of a spool directory; nothing is changed. For `apus spool check`.
    package static func damage(directory: String, mustExist: Bool) -> String? {
        do throws(NodeError) {
            guard let bytes = try bytes(of: directory + "/" + name) else { return mustExist ? "is missing" : nil }
            _ = try LimitFile(bytes)
            return nil
        } catch { return error.message }
    }

    /// A damaged file is kept for whoever wants to know what happened.
    private static func keepDamaged(_ path: String, directory: String, wall: Int64) {
        mkdir(directory + "/corrupt", 0o750)
        _ = rename(path, directory + "/corrupt/\(name).\(wall / 1_000_000)")
    }

    /// A new file beside the old one, synced; still open.
    private static func write(_ content: [UInt8], to path: String) throws(NodeError) -> Int32 {
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw NodeError("cannot write \(path): \(NodeError.errnoText)") }
        guard put(content, file, at: 0), fdatasync(file) == 0 else {
            let text = NodeError.errnoText
            Glibc.close(file)
            throw NodeError("cannot write \(path): \(text)")
        }
        // Room in advance, for all that comes before the next rewrite: delivery goes on when the disk fills up.
        _ = posix_fallocate(file, 0, off_t(2 * content.count + garbage + largestRecord))
        return file
    }

    private static func replace(_ path: String, directory: String, with content: [UInt8]) throws(NodeError) -> Int32 {
        let file = try write(content, to: path + ".new")
        guard rename(path + ".new", path) == 0 else {
            let text = NodeError.errnoText
            Glibc.close(file)
            throw NodeError("cannot replace \(path): \(text)")
        }
        let parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            Glibc.close(parent)
        }
        return file
    }

    private static func put(_ bytes: [UInt8], _ file: Int32, at offset: Int) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = pwrite(file, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }
}

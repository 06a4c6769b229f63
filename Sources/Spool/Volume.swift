import Glibc

/// The claim of this process on a spool directory: the directories, `LOCK` and `OWNER`. *shared*.
///
/// Diagnostics: every refusal names the path and what to do. Nothing is changed in a directory that is refused.
final class Volume: Sendable {
    private let lock: Int32

    /// Claims `directory` for a node, creating it when missing.
    init(directory: String, nodeID: String, epoch: UInt64) throws(SpoolError) {
        try Self.makeDirectories(directory)
        let lock = try Self.takeLock(directory, exclusive: true)
        do throws(SpoolError) {
            try Self.claim(directory, nodeID: nodeID, epoch: epoch)
            for name in ["segments", "corrupt"] where mkdir(directory + "/" + name, 0o750) != 0 && errno != EEXIST {
                throw Self.unwritable(directory + "/" + name)
            }
        } catch {
            close(lock)
            throw error
        }
        self.lock = lock
    }

    /// Holds the directory still for reading while no node runs on it.
    init(inspecting directory: String) throws(SpoolError) {
        guard access(directory + "/OWNER", F_OK) == 0 else {
            throw SpoolError(.foreign, "\(directory) is no spool: it has no OWNER file", remedy: "Name the directory of a spool")
        }
        lock = try Self.takeLock(directory, exclusive: false)
    }

    deinit { close(lock) }

    private static func unwritable(_ path: String) -> SpoolError {
        SpoolError(
            .unwritable, "cannot write \(path): \(String(cString: strerror(errno)))",
            remedy: "Create the directory and give it to the user the node runs as, on a volume mounted read-write")
    }

    private static func makeDirectories(_ directory: String) throws(SpoolError) {
        var path = directory.hasPrefix("/") ? "" : "."
        for part in directory.utf8.split(separator: UInt8(ascii: "/")) {
            path += "/" + String(decoding: part, as: UTF8.self)
            if mkdir(path, 0o750) != 0, errno != EEXIST, errno != EROFS, errno != EACCES, errno != EPERM { throw unwritable(path) }
        }
        var info = stat()
        guard stat(directory, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
            if errno == 0 { errno = ENOTDIR }
            throw unwritable(directory)
        }
    }

    private static func takeLock(_ directory: String, exclusive: Bool) throws(SpoolError) -> Int32 {
        let path = directory + "/LOCK"
        let fd = open(path, exclusive ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0o640)
        guard fd >= 0 else { throw unwritable(path) }
        if flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 {
            let reason = errno
            close(fd)
            if reason == EWOULDBLOCK {
                throw SpoolError(
                    .locked, "another process uses the spool \(directory)",
                    remedy: exclusive
                        ? "Stop it, or give this node a spool directory of its own"
                        : "Stop the node first; `apus queues` asks a running one")
            }
            errno = reason
            throw unwritable(path)
        }
        return fd
    }

    private static func claim(_ directory: String, nodeID: String, epoch: UInt64) throws(SpoolError) {
        let path = directory + "/OWNER"
        guard !nodeID.isEmpty, nodeID.utf8.count <= 255, nodeID.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw SpoolError(.invalid, "the node id must be 1 to 255 visible ASCII characters")
        }
        if let owner = readOwner(path) {
            guard owner.node == nodeID else {
                throw SpoolError(
                    .foreign, "the spool \(directory) belongs to node \(owner.node), this is node \(nodeID)",
                    remedy: "Start with the right directory or node id")
            }
            guard owner.epoch <= epoch else {
                throw SpoolError(
                    .foreign, "the spool \(directory) was taken over (its epoch is \(owner.epoch), ours \(epoch))",
                    remedy: "Another node has adopted this spool; start with an empty directory")
            }
            if owner.epoch == epoch { return }
        } else {
            try refuseOthersFiles(directory)
        }
        try writeOwner(path, nodeID: nodeID, epoch: epoch, directory: directory)
    }

    private static func refuseOthersFiles(_ directory: String) throws(SpoolError) {
        guard let names = try? SystemIO().list(directory) else { throw unwritable(directory) }
        let ours: Set<String> = ["LOCK", "OWNER.new", "lost+found"]
        for name in names.sorted() where !ours.contains(name) {
            let inside = (try? SystemIO().list(directory + "/" + name)) ?? ["?"]
            if name == "segments" || name == "corrupt", inside.isEmpty { continue }
            throw SpoolError(
                .foreign, "\(directory) is not empty (\(name)) and has no OWNER file, so it is no spool of this node",
                remedy: "Name an empty or a new directory")
        }
    }

    private static func readOwner(_ path: String) -> (node: String, epoch: UInt64)? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        let text = String(unsafeUninitializedCapacity: 512) { max(0, read(fd, $0.baseAddress!, 512)) }
        let fields = text.split(whereSeparator: { $0 == "\n" || $0 == " " })
        guard let node = fields.first else { return nil }
        return (String(node), fields.count > 1 ? UInt64(fields[1]) ?? 0 : 0)
    }

    private static func writeOwner(_ path: String, nodeID: String, epoch: UInt64, directory: String) throws(SpoolError) {
        let fd = open(path + ".new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard fd >= 0 else { throw unwritable(path) }
        var text = "\(nodeID) \(epoch)\n"
        let written = text.withUTF8 { write(fd, $0.baseAddress!, $0.count) == $0.count }
        let synced = written && fsync(fd) == 0
        let reason = errno
        close(fd)
        errno = reason
        guard synced, rename(path + ".new", path) == 0 else { throw unwritable(path) }
        do { try SystemIO().synchronizeDirectory(directory) } catch {
            errno = error.number
            throw unwritable(directory)
        }
    }
}

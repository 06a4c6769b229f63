import Glibc
import Telemetry

/// The claim of this process on a spool directory: its directories, `LOCK` and `OWNER`. *shared*.
///
/// The directory itself and `segments` are locked besides `LOCK`: who removes `LOCK`, or comes by another path, a link or a mount, meets the
/// same lock. It also knows whether the directory is still where it was.
///
/// Diagnostics: every refusal names the path and what to do. Nothing is changed in a directory that is refused.
final class Volume: Sendable {
    let directory: String
    /// What was damaged and has been repaired.
    let damages: [SpoolDamage]
    private let locks: [Int32]
    /// The directory and `segments`, which must stay under their names.
    private let places: (top: VolumePlace, segments: VolumePlace)
    private let owner: Guarded<OwnerRecord>

    /// Claims `directory` for a node, creating it when missing.
    init(directory: String, nodeID: String, epoch: UInt64) throws(SpoolError) {
        self.directory = directory
        try Self.makeDirectories(directory)
        var held: [Int32] = []
        do throws(SpoolError) {
            let top = try Self.lockDirectory(directory)
            held.append(top)
            var claim = VolumeClaim(directory: directory, nodeID: nodeID, epoch: epoch)
            try claim.refuseOthers()
            // Held before anything is changed.
            if let lock = try claim.takeLock() { held.append(lock) }
            try claim.makePlaces()
            let segments = try Self.lockDirectory(directory + "/segments")
            held.append(segments)
            if claim.needsLock, let lock = try claim.takeLock(making: true) { held.append(lock) }
            try claim.complete()
            places = (
                try VolumePlace(fd: top, path: directory), try VolumePlace(fd: segments, path: directory + "/segments")
            )
            owner = Guarded(claim.owner)
            damages = claim.damages
        } catch {
            for fd in held { close(fd) }
            throw error
        }
        locks = held
    }

    deinit { for fd in locks { close(fd) } }

    private static func makeDirectories(_ directory: String) throws(SpoolError) {
        var path = directory.hasPrefix("/") ? "" : "."
        for part in directory.utf8.split(separator: UInt8(ascii: "/")) {
            path += "/" + String(decoding: part, as: UTF8.self)
            if mkdir(path, 0o750) != 0, errno != EEXIST, errno != EROFS, errno != EACCES, errno != EPERM {
                throw SpoolError.unwritable(path)
            }
        }
        var info = stat()
        guard stat(directory, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
            if errno == 0 { errno = ENOTDIR }
            throw SpoolError.unwritable(directory)
        }
    }

    private static func lockDirectory(_ path: String) throws(SpoolError) -> Int32 {
        let fd = DescriptorReserve.shared.open { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard fd >= 0 else { throw SpoolError.unwritable(path) }
        // A file system that cannot lock directories (NFS) still has LOCK.
        if flock(fd, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(fd)
            throw SpoolError.locked(path)
        }
        return fd
    }

    // MARK: While it runs

    /// Why the directory is not where it was, if so: removed, renamed, or covered by another.
    var absence: String? { places.top.absence ?? places.segments.absence }

    /// The same asked of `segments` alone, where the messages are: one system call, for each commit. Whoever moves or covers the directory
    /// above moves its `segments` with it.
    var segmentsAbsence: String? { places.segments.absence }

    /// Whether that word was remembered.
    func remembers(_ word: String) -> Bool { owner.withLock { $0.words.contains(word) } }

    /// Notes in `OWNER`, durably, that something must be there from now on.
    func remember(_ word: String) throws(SpoolError) {
        try owner.withLock { owner throws(SpoolError) in
            guard !owner.words.contains(word) else { return }
            var changed = owner
            changed.words.insert(word)
            try changed.write(directory)
            owner = changed
        }
    }

    /// Puts `OWNER` back when somebody removed it. Says what was wrong.
    func mend() -> SpoolDamage? {
        owner.withLock { owner in
            guard absence == nil, let found = try? OwnerRecord.read(directory), found != .record(owner) else { return nil }
            let isBack = (try? owner.write(directory)) != nil
            return SpoolDamage(
                file: "OWNER", what: "was removed or changed while the node runs; \(isBack ? "put back" : "it cannot be put back")")
        }
    }
}

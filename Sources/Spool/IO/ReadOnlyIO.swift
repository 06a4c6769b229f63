import Glibc

/// System calls for a spool that must not change: what would write fails, what would be kept in `corrupt/` is noted. *shared*.
final class ReadOnlyIO: SpoolIO {
    var mayWrite: Bool { false }
    private let system = SystemIO()
    private let notes = Guarded<[String]>([])

    /// One line for each file that would have been written to `corrupt/`.
    var damage: [String] { notes.withLock { $0 } }

    func open(_ path: String, create: Bool) throws(IOFailure) -> Int32 {
        if create {
            let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) } ?? path
            notes.withLock { $0.append(name) }
            throw IOFailure("open", EROFS)
        }
        let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if fd < 0 { throw IOFailure("open", errno) }
        return fd
    }

    func close(_ fd: Int32) { system.close(fd) }
    func size(_ fd: Int32) throws(IOFailure) -> Int { try system.size(fd) }
    func pread(_ fd: Int32, into: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOFailure) -> Int {
        try system.pread(fd, into: into, at: offset)
    }
    func pwrite(_ fd: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IOFailure) -> Int { throw IOFailure("pwrite", EROFS) }
    func synchronize(_ fd: Int32) throws(IOFailure) { throw IOFailure("fdatasync", EROFS) }
    func allocate(_ fd: Int32, size: Int) throws(IOFailure) { throw IOFailure("fallocate", EROFS) }
    func rename(_ from: String, _ to: String) throws(IOFailure) { throw IOFailure("rename", EROFS) }
    func remove(_ path: String) throws(IOFailure) { throw IOFailure("unlink", EROFS) }
    func synchronizeDirectory(_ path: String) throws(IOFailure) { throw IOFailure("fsync directory", EROFS) }
    func list(_ path: String) throws(IOFailure) -> [String] { try system.list(path) }
    func room(_ path: String) throws(IOFailure) -> VolumeRoom { try system.room(path) }
}

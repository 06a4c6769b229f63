import Glibc

/// System calls for a spool that must not change: what would write fails. *shared*.
final class ReadOnlyIO: SpoolIO {
    var mayWrite: Bool { false }
    private let system = SystemIO()

    func open(_ path: String, create: Bool) throws(IOFailure) -> Int32 {
        if create { throw IOFailure("open", EROFS) }
        let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
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
    func facts(_ path: String) throws(IOFailure) -> FileFacts { try system.facts(path) }
    func links(_ fd: Int32) throws(IOFailure) -> Int { try system.links(fd) }
    func room(_ path: String) throws(IOFailure) -> VolumeRoom { try system.room(path) }
}

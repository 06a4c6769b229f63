import Glibc
import Telemetry

/// The real system calls. *value*. EINTR is retried, everything else is the caller's.
package struct SystemIO: SpoolIO {
    /// The calls of the system.
    package init() {}

    private func retry(_ operation: String, _ body: () -> Int) throws(IOFailure) -> Int {
        while true {
            let result = body()
            if result >= 0 { return result }
            if errno != EINTR { throw IOFailure(operation, errno) }
        }
    }

    package func open(_ path: String, create: Bool) throws(IOFailure) -> Int32 {
        // A pipe put in the place of a file must not hold us up.
        let flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | (create ? O_CREAT : 0)
        return Int32(try retry("open") { Int(DescriptorReserve.shared.open { Glibc.open(path, flags, 0o640) }) })
    }

    package func close(_ fd: Int32) { _ = Glibc.close(fd) }

    package func size(_ fd: Int32) throws(IOFailure) -> Int {
        var info = stat()
        _ = try retry("fstat") { Int(fstat(fd, &info)) }
        return Int(info.st_size)
    }

    package func pread(_ fd: Int32, into: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOFailure) -> Int {
        var done = 0
        while done < into.count {
            let n = try retry("pread") { Glibc.pread(fd, into.baseAddress! + done, into.count - done, off_t(offset + done)) }
            if n == 0 { break }
            done += n
        }
        return done
    }

    package func pwrite(_ fd: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IOFailure) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        return try retry("pwrite") { Glibc.pwrite(fd, base, bytes.count, off_t(offset)) }
    }

    package func synchronize(_ fd: Int32) throws(IOFailure) {
        // Not retried: after a failed sync the kernel may have dropped the dirty pages, a second call could lie.
        if fdatasync(fd) != 0 { throw IOFailure("fdatasync", errno) }
    }

    package func allocate(_ fd: Int32, size: Int) throws(IOFailure) {
        while true {
            let number = posix_fallocate(fd, 0, off_t(size))
            if number == 0 { return }
            if number != EINTR { throw IOFailure("fallocate", number) }
        }
    }

    package func rename(_ from: String, _ to: String) throws(IOFailure) {
        _ = try retry("rename") { Int(Glibc.rename(from, to)) }
    }

    package func remove(_ path: String) throws(IOFailure) { _ = try retry("unlink") { Int(unlink(path)) } }

    package func synchronizeDirectory(_ path: String) throws(IOFailure) {
        let fd = Int32(
            try retry("open directory") {
                Int(DescriptorReserve.shared.open { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
            })
        defer { _ = Glibc.close(fd) }
        if fsync(fd) != 0 { throw IOFailure("fsync directory", errno) }
    }

    package func list(_ path: String) throws(IOFailure) -> [String] {
        let fd = Int32(
            try retry("open directory") {
                Int(DescriptorReserve.shared.open { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
            })
        guard let directory = fdopendir(fd) else {
            let number = errno
            _ = Glibc.close(fd)
            throw IOFailure("opendir", number)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    package func facts(_ path: String) throws(IOFailure) -> FileFacts {
        var info = stat()
        _ = try retry("lstat") { Int(lstat(path, &info)) }
        guard info.st_mode & S_IFMT == S_IFLNK else { return FileFacts(kind: Self.kind(info), size: Int(info.st_size)) }
        var target = stat()
        guard stat(path, &target) == 0, target.st_mode & S_IFMT == S_IFREG else {
            return FileFacts(kind: .other("a symbolic link"), size: 0)
        }
        return FileFacts(kind: .linked, size: Int(target.st_size))
    }

    private static func kind(_ info: stat) -> FileFacts.Kind {
        switch info.st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFDIR: .other("a directory")
        case S_IFIFO: .other("a pipe")
        case S_IFSOCK: .other("a socket")
        default: .other("a device")
        }
    }

    package func links(_ fd: Int32) throws(IOFailure) -> Int {
        var info = stat()
        _ = try retry("fstat") { Int(fstat(fd, &info)) }
        return Int(info.st_nlink)
    }

    package func room(_ path: String) throws(IOFailure) -> VolumeRoom {
        var info = statvfs()
        _ = try retry("statvfs") { Int(statvfs(path, &info)) }
        // Some file systems (btrfs) have no fixed inode table and report none at all.
        let inodes = info.f_files == 0 ? Int.max : Int(clamping: info.f_favail)
        return VolumeRoom(bytes: Int(clamping: info.f_bavail) &* Int(clamping: info.f_frsize), inodes: inodes)
    }
}

import Glibc

/// A directory of segments: making it, and closing what a crash left. *Value.*
enum LogDirectory {
    /// Makes `path` and its parents; throws when it is no directory one can write to.
    static func prepare(_ path: String) throws(TelemetryError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw TelemetryError(.invalidOption, "log_dir is empty", remedy: "name a directory")
        }
        var position = path.utf8.startIndex
        while position < path.utf8.endIndex {
            let after = path.utf8.index(after: position)
            let end = path.utf8[after...].firstIndex(of: UInt8(ascii: "/")) ?? path.utf8.endIndex
            _ = mkdir(String(path[..<end]), 0o755)
            position = end
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, access(path, W_OK | X_OK) == 0 else {
            throw TelemetryError(
                .logDirectoryUnusable, "cannot write to log_dir \(path): \(SystemError.text(errno))",
                remedy: "create it and let the user of this process write to it")
        }
    }

    /// Makes segments read-only that nobody writes any more: the mark that tells readers a segment is finished. A segment
    /// with a living writer is locked, and left alone. Returns how many were closed.
    @discardableResult
    static func closeLeftovers(in path: String) -> Int {
        guard let directory = opendir(path) else { return 0 }
        defer { closedir(directory) }
        var closed = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard isSegmentName(name) else { continue }
            let file = open(path + "/" + name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
            guard file >= 0 else { continue }
            defer { close(file) }
            var status = stat()
            guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o222 != 0,
                flock(file, LOCK_EX | LOCK_NB) == 0
            else { continue }
            if fchmod(file, 0o444) == 0 { closed += 1 }
        }
        return closed
    }

    /// `20260101-000000.000000000`, with or without a suffix.
    static func isSegmentName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard bytes.count >= 25 else { return false }
        for (index, byte) in bytes.prefix(25).enumerated() {
            switch index {
            case 8: guard byte == UInt8(ascii: "-") else { return false }
            case 15: guard byte == UInt8(ascii: ".") else { return false }
            default: guard byte >= 0x30, byte <= 0x39 else { return false }
            }
        }
        return true
    }
}

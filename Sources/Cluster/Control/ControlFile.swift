import Glibc
internal import Telemetry

/// The local copy of the control plane: one file, appended to, and now and then replaced atomically. *Value* without copies: whoever
/// holds it owns the descriptor.
///
/// Diagnostics: a file that is damaged, foreign or too large is refused with its path and line; nothing of it is changed. An
/// incomplete end, as a power failure leaves it, is cut off with a warning: nothing in it was ever confirmed. When a write fails, the
/// file is cut back to what it was; when a sync fails, it is written anew at the next chance, since the kernel may have dropped pages.
struct ControlFile: ~Copyable {
    /// Bytes of outdated lines that are worth a rewrite.
    private static let garbage = 1 << 20
    /// A file larger than this was not written by us.
    private static let most = 4 * ControlBounds.keptBytes

    let path: String
    private let directory: String
    private var descriptor: Int32 = -1
    private var size = 0
    /// The size after the last rewrite.
    private var rewritten = 0
    private var isDoubtful = true

    /// The file of `directory`, which is made when it is missing. Nothing is read or opened yet.
    init(directory: String) throws(ControlError) {
        self.directory = directory
        path = directory + "/control.state"
        var made = directory.hasPrefix("/") ? "" : "."
        for part in directory.utf8.split(separator: UInt8(ascii: "/")) {
            made += "/" + String(decoding: part, as: UTF8.self)
            guard mkdir(made, 0o750) == 0 || errno == EEXIST || access(made, F_OK) == 0 else { throw Self.failed("create", made) }
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// True when the file should be written anew.
    var wantsRewrite: Bool { isDoubtful || size > 2 * rewritten + Self.garbage }

    private static func failed(_ what: String, _ path: String) -> ControlError {
        ControlError(
            .unusable, "cannot \(what) \(path): \(String(cString: strerror(errno)))",
            remedy: "Give the directory to the user the node runs as, on a volume with free space mounted read-write")
    }

    private static func damaged(_ path: String, _ what: String) -> ControlError {
        ControlError(
            .damaged, "\(path) \(what)",
            remedy: "Move the file away and start again: the node then reads all rules from the cluster; rules that only this node "
                + "had must be issued again")
    }

    /// Reads all lines.
    func read() throws(ControlError) -> [ControlLine] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return [] }
            throw Self.failed("read", path)
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failed("read", path) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= Self.most else { throw Self.damaged(path, "is larger than \(Self.most) bytes") }
        }
        return try Self.lines(bytes, path: path)
    }

    /// The lines in `bytes`.
    static func lines(_ bytes: [UInt8], path: String) throws(ControlError) -> [ControlLine] {
        var lines: [ControlLine] = []
        var start = 0
        var number = 0
        var torn: Int?
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0a)
            number += 1
            if let line = ControlLine(bytes[start..<(end ?? bytes.count)]), end != nil {
                if let torn { throw damaged(path, "is damaged in line \(torn)") }
                guard (number == 1) == (line == .format) else { throw damaged(path, "is damaged in line \(number)") }
                lines.append(line)
            } else if torn == nil {
                torn = number
            }
            start = (end ?? bytes.count) + 1
        }
        if let torn {
            guard !lines.isEmpty else { throw damaged(path, "is no control file of this release") }
            Log.warn("control file had an incomplete end, which was cut off", ["path": path, "line": torn])
        }
        return lines
    }

    /// Replaces the whole file, durably.
    mutating func rewrite(_ content: [UInt8]) throws(ControlError) {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw Self.failed("write", temporary) }
        var isKept = false
        defer { if !isKept { close(file) } }
        guard Self.writeAll(content, to: file), fsync(file) == 0 else { throw Self.failed("write", temporary) }
        guard rename(temporary, path) == 0 else { throw Self.failed("replace", path) }
        // Without this a power failure may bring the old file back, though never a mixture.
        let parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if parent >= 0 {
            fsync(parent)
            close(parent)
        }
        isKept = true
        if descriptor >= 0 { close(descriptor) }
        descriptor = file
        size = content.count
        rewritten = content.count
        isDoubtful = false
    }

    /// Adds lines; durable when it returns.
    mutating func append(_ content: [UInt8]) throws(ControlError) {
        guard !content.isEmpty else { return }
        guard descriptor >= 0, Self.writeAll(content, to: descriptor) else {
            let error = Self.failed("write", path)
            cutBack()
            throw error
        }
        guard fdatasync(descriptor) == 0 else {
            let error = Self.failed("sync", path)
            isDoubtful = true
            cutBack()
            throw error
        }
        size += content.count
    }

    private mutating func cutBack() {
        guard descriptor >= 0 else { return }
        if ftruncate(descriptor, off_t(size)) != 0 || lseek(descriptor, off_t(size), SEEK_SET) < 0 { isDoubtful = true }
    }

    /// Puts another descriptor in the place of the file's; for tests of failing disks.
    mutating func replaceDescriptor(_ other: Int32) {
        if descriptor >= 0 { close(descriptor) }
        descriptor = other
    }

    private static func writeAll(_ content: [UInt8], to file: Int32) -> Bool {
        content.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = write(file, bytes.baseAddress! + offset, bytes.count - offset)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                offset += count
            }
            return true
        }
    }
}

import Glibc
internal import Telemetry

/// The local copy of the control plane: one file, appended to, and now and then replaced atomically. *Value* without copies: whoever
/// holds it owns the descriptor.
///
/// There are two of it, `control.state` and `control.copy`: an order that is lost would send mail that must not go out. When one is damaged,
/// cut or missing, the other counts.
///
/// Diagnostics: when both are damaged, foreign or too large they are refused with path and line; nothing of them is changed. An
/// incomplete end, as a power failure leaves it, is cut off with a warning: nothing in it was ever confirmed. When a write fails, the
/// file is cut back to what it was; when a sync fails, it is written anew at the next chance, since the kernel may have dropped pages. A copy
/// that cannot be written does not keep an order from being taken.
struct ControlFile: ~Copyable {
    /// Bytes of outdated lines that are worth a rewrite.
    private static let garbage = 1 << 20
    let path: String
    private let copyPath: String
    private let directory: String
    private var descriptor: Int32 = -1
    private var size = 0
    /// The size after the last rewrite.
    private var rewritten = 0
    private var isDoubtful = true
    private var copy: Int32 = -1
    private var isCopyDoubtful = true
    /// Nothing is written any more: the directory may belong to another process.
    var isClosed = false
    /// What `read` found wrong.
    private(set) var damages: [(file: String, what: String)] = []
    /// The file that `read` took.
    private(set) var source: String

    /// The file of `directory`, which is made when it is missing. Nothing is read or opened yet.
    init(directory: String) throws(ControlError) {
        self.directory = directory
        path = directory + "/control.state"
        copyPath = directory + "/control.copy"
        source = path
        var made = directory.hasPrefix("/") ? "" : "."
        for part in directory.utf8.split(separator: UInt8(ascii: "/")) {
            made += "/" + String(decoding: part, as: UTF8.self)
            guard mkdir(made, 0o750) == 0 || errno == EEXIST || access(made, F_OK) == 0 else { throw Self.failed("create", made) }
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if copy >= 0 { close(copy) }
    }

    /// True when the file should be written anew.
    var wantsRewrite: Bool { isDoubtful || isCopyDoubtful || size > 2 * rewritten + Self.garbage || !isInPlace }

    static func failed(_ what: String, _ path: String) -> ControlError {
        ControlError(
            .unusable, "cannot \(what) \(path): \(String(cString: strerror(errno)))",
            remedy: "Give the directory to the user the node runs as, on a volume with free space mounted read-write")
    }

    /// Reads all lines: of `control.state`, or of its copy when that one is damaged or missing. `mustExist`: orders were kept here before.
    mutating func read(mustExist: Bool) throws(ControlError) -> [ControlLine] {
        let state = try ControlReading.load(path)
        let choice = try ControlChoice(
            state: state, copy: try ControlReading.load(copyPath), directory: directory, mustExist: mustExist)
        damages = choice.damages
        source = choice.path
        return choice.lines
    }

    /// Has the next `rewrite` move both files away first.
    mutating func setAsideAll() { damages = [("control.state", ""), ("control.copy", "")] }

    /// Moves what is damaged or in the way into `corrupt/`, so that it can be looked at.
    private func setAside() {
        for name in damages.map(\.file) + ["control.state.new", "control.copy.new"] {
            let file = directory + "/" + name
            var info = stat()
            guard lstat(file, &info) == 0, !name.hasSuffix(".new") || info.st_mode & S_IFMT != S_IFREG else { continue }
            mkdir(directory + "/corrupt", 0o750)
            var number = 0
            while lstat("\(directory)/corrupt/\(name)-\(number)", &info) == 0, number < 100 { number += 1 }
            rename(file, "\(directory)/corrupt/\(name)-\(number)")
        }
    }

    /// Replaces the whole file and its copy, durably.
    mutating func rewrite(_ content: [UInt8]) throws(ControlError) {
        setAside()
        damages = []
        let file = try replace(path, content)
        if descriptor >= 0 { close(descriptor) }
        descriptor = file
        size = content.count
        rewritten = content.count
        isDoubtful = false
        do throws(ControlError) {
            let file = try replace(copyPath, content)
            if copy >= 0 { close(copy) }
            copy = file
            isCopyDoubtful = false
        } catch { doubtCopy(error) }
    }

    private mutating func doubtCopy(_ error: ControlError) {
        if !isCopyDoubtful || copy >= 0 { Log.warn("the copy of the control file cannot be written", ["error": "\(error)"]) }
        isCopyDoubtful = true
    }

    private func replace(_ path: String, _ content: [UInt8]) throws(ControlError) -> Int32 {
        let temporary = path + ".new"
        let file = DescriptorReserve.shared.open { open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o640) }
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
        return file
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
        // Second, so that a copy that knows more says the file was cut.
        guard copy >= 0, !isCopyDoubtful else { return }
        if !Self.writeAll(content, to: copy) || fdatasync(copy) != 0 { doubtCopy(Self.failed("write", copyPath)) }
    }

    /// Whether both files are under their names; a removed one would take orders with it at the next start.
    var isInPlace: Bool {
        [descriptor, copy].allSatisfy { file in
            var info = stat()
            return file < 0 || fstat(file, &info) != 0 || info.st_nlink > 0
        }
    }

    /// Whether file and copy say all there is.
    var isWhole: Bool { !isDoubtful && !isCopyDoubtful }

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

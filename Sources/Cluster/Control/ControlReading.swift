import Glibc
internal import Telemetry

/// What one of the two copies of the control file says. *Value.*
enum ControlReading {
    case missing
    /// Its whole lines, and their bytes without an incomplete end, if it has one.
    case good([ControlLine], bytes: ArraySlice<UInt8>, isTorn: Bool)
    /// In words, for `PATH …`.
    case damaged(String)

    /// A file larger than this was not written by us.
    private static let most = 4 * ControlBounds.keptBytes

    /// Reads a copy. What the machine is short of is thrown: it says nothing of the file.
    static func load(_ path: String) throws(ControlError) -> ControlReading {
        var info = stat()
        guard lstat(path, &info) == 0 else {
            if errno == ENOENT { return .missing }
            return .damaged("cannot be read: \(String(cString: strerror(errno)))")
        }
        guard info.st_mode & S_IFMT == S_IFREG else { return .damaged("is not a file") }
        let file = DescriptorReserve.shared.open { open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
        guard file >= 0 else {
            guard errno != EMFILE, errno != ENFILE, errno != ENOMEM else { throw ControlFile.failed("read", path) }
            return .damaged("cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .damaged("cannot be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= most else { return .damaged("is larger than \(most) bytes") }
        }
        return parse(bytes, path: path)
    }

    /// The lines in `bytes`. An incomplete end, as a power failure leaves it, does not count: nothing in it was ever confirmed. Anything else
    /// that is no line is damage.
    static func parse(_ bytes: [UInt8], path: String) -> ControlReading {
        guard !bytes.isEmpty else { return .damaged("is empty") }
        var lines: [ControlLine] = []
        var start = 0
        var whole = 0
        var number = 0
        var torn: Int?
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0a)
            number += 1
            if let line = ControlLine(bytes[start..<(end ?? bytes.count)]), let end {
                if let torn { return .damaged("is damaged in line \(torn)") }
                guard (number == 1) == (line == .format) else { return .damaged("is damaged in line \(number)") }
                lines.append(line)
                whole = end + 1
            } else if torn == nil {
                torn = number
            }
            start = (end ?? bytes.count) + 1
        }
        if let torn {
            guard !lines.isEmpty else { return .damaged("is not a control file of this release") }
            guard ControlLine.isTorn(bytes[whole...]) else { return .damaged("is damaged in line \(torn)") }
            Log.warn("control file had an incomplete end, which was cut off", ["path": path, "line": torn])
        }
        return .good(lines, bytes: bytes[..<whole], isTorn: torn != nil)
    }
}

/// Which of the two copies counts. *Value.*
///
/// Each change is written to `control.state` first and then to `control.copy`. So a copy that goes on where the file ends says that the file
/// was cut, and not that a crash came between.
struct ControlChoice {
    var lines: [ControlLine] = []
    /// Where they are from.
    var path: String
    /// What is wrong, as `(file, what)`, and is mended by writing both anew.
    var damages: [(file: String, what: String)] = []

    init(state: ControlReading, copy: ControlReading, directory: String, mustExist: Bool) throws(ControlError) {
        path = directory + "/control.state"
        switch (state, copy) {
        case (.good(_, _, isTorn: true), .missing), (.good(_, _, isTorn: true), .damaged):
            guard !mustExist else { throw Self.lost("\(path) ends in the middle of a line, and control.copy is lost") }
        case (.missing, .good(_, _, isTorn: true)), (.damaged, .good(_, _, isTorn: true)):
            throw Self.lost("\(directory)/control.copy ends in the middle of a line, and control.state is lost")
        case (.good(_, _, isTorn: true), .good(_, _, isTorn: true)):
            // A crash tears one: the other is written before or after it.
            guard !mustExist else { throw Self.lost("\(directory)/control.state and control.copy both end in the middle of a line") }
        default: break
        }
        switch (state, copy) {
        case (.missing, .missing):
            guard mustExist else { return }
            throw Self.lost("\(directory)/control.state and control.copy are missing")
        case (.damaged(let what), .missing), (.damaged(let what), .damaged): throw Self.lost("\(path) \(what)")
        case (.missing, .damaged(let what)): throw Self.lost("\(directory)/control.copy \(what), and control.state is missing")
        case (.missing, .good(let lines, _, _)), (.damaged, .good(let lines, _, _)):
            self.lines = lines
            path = directory + "/control.copy"
            if case .damaged(let what) = state {
                damages.append(("control.state", "\(what); restored from control.copy"))
            } else {
                damages.append(("control.state", "is missing; restored from control.copy"))
            }
        case (.good(let lines, _, _), .missing):
            self.lines = lines
            if mustExist { damages.append(("control.copy", "is missing; made again")) }
        case (.good(let lines, _, _), .damaged(let what)):
            self.lines = lines
            damages.append(("control.copy", "\(what); made again"))
        case (.good(let lines, let bytes, _), .good(let others, let copied, _)):
            self.lines = lines
            if copied.count > bytes.count, copied.starts(with: bytes) {
                self.lines = others
                path = directory + "/control.copy"
                damages.append(("control.state", "was cut short; restored from control.copy"))
            } else if case .good(_, _, isTorn: true) = copy {
                // A crash may leave that too, but so does whoever cuts it; nothing is lost either way.
                damages.append(("control.copy", "ends in the middle of a line; made again"))
            } else if lines.count > others.count + 1, bytes.starts(with: copied) {
                damages.append(("control.copy", "was cut short; made again"))
            }
        }
    }

    /// The orders are gone: without them mail could go out that must not.
    private static func lost(_ what: String) -> ControlError {
        ControlError(
            .damaged, "\(what): suspensions and bounces in force are not known, so nothing may be sent",
            remedy: "Restore the file from a backup, or give all rules up that only this node had with "
                + "`apus spool forget-orders DIR`; a cluster's rules are read again from Redis")
    }
}

import Glibc
import Telemetry

/// The content of `OWNER`: `NODE EPOCH [WORD…] #CHECKSUM`; earlier versions wrote `NODE EPOCH` alone. *value*.
///
/// The words say which other files must be there, since a lost one would say nothing by itself.
struct OwnerRecord: Equatable {
    var node: String
    var epoch: UInt64
    var words: Set<String> = []

    /// What reading came to. *value*.
    enum Found: Equatable {
        case missing
        case record(OwnerRecord)
        /// In words, for `OWNER …`.
        case damaged(String)
    }

    init(node: String, epoch: UInt64, words: Set<String> = []) {
        self.node = node
        self.epoch = epoch
        self.words = words
    }

    init?(_ text: String) {
        guard text.utf8.last == UInt8(ascii: "\n"), text.utf8.count(where: { $0 == UInt8(ascii: "\n") }) == 1 else { return nil }
        let line = text.dropLast()
        var fields = line.split(separator: " ")
        if let last = fields.last, last.hasPrefix("#") {
            guard last.dropFirst() == CheckedLine.sum(String(line.dropLast(last.count + 1))) else { return nil }
            fields.removeLast()
        } else if fields.count != 2 {
            return nil
        }
        guard fields.count >= 2, let epoch = UInt64(fields[1]), fields[0].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        self.init(node: String(fields[0]), epoch: epoch, words: Set(fields.dropFirst(2).map(String.init)))
    }

    var text: String {
        let line = ([node, String(epoch)] + words.sorted()).joined(separator: " ")
        return "\(line) #\(CheckedLine.sum(line))\n"
    }

    static func read(_ directory: String) throws(SpoolError) -> Found {
        let path = directory + "/OWNER"
        guard let facts = try? SystemIO().facts(path) else { return .missing }
        if case .other(let kind) = facts.kind { return .damaged("is \(kind)") }
        let fd = DescriptorReserve.shared.open { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard fd >= 0 else {
            if errno == ENOENT { return .missing }
            let failure = IOFailure("open", errno)
            if let shortage = failure.shortage {
                throw SpoolError(.unwritable, "cannot read \(path): \(failure.reason)", remedy: shortage.remedy)
            }
            return .damaged("cannot be read (\(failure.reason))")
        }
        defer { close(fd) }
        let text = String(unsafeUninitializedCapacity: 4096) { max(0, Glibc.read(fd, $0.baseAddress!, 4096)) }
        guard let record = OwnerRecord(text) else { return .damaged(text.isEmpty ? "is empty" : "is damaged") }
        return .record(record)
    }

    /// Replaces the file, durably.
    func write(_ directory: String) throws(SpoolError) {
        let path = directory + "/OWNER"
        unlink(path + ".new")
        let fd = DescriptorReserve.shared.open { open(path + ".new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640) }
        guard fd >= 0 else { throw SpoolError.unwritable(path) }
        var text = text
        let written = text.withUTF8 { Glibc.write(fd, $0.baseAddress!, $0.count) == $0.count }
        let synced = written && fsync(fd) == 0
        let reason = errno
        close(fd)
        errno = reason
        guard synced, rename(path + ".new", path) == 0 else { throw SpoolError.unwritable(path) }
        do { try SystemIO().synchronizeDirectory(directory) } catch {
            errno = error.number
            throw SpoolError.unwritable(directory)
        }
    }
}

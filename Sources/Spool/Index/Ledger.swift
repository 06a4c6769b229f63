import Telemetry

/// The list of the segments in use, in the file `LEDGER`, so that one that is missing, empty or cut is noticed. *loop-confined* (behind its
/// `Guarded`).
///
/// It may say less than is true (a line rides behind the commit it speaks of), never more: a segment gets its line when a first commit in it
/// is on disk, and loses it, durably, before it is wiped. So nothing a crash leaves behind looks like damage.
///
/// Diagnostics: the ledger protects against damage, so its own failures cost nothing but that; they are logged once and it is written anew
/// at the next chance.
final class Ledger {
    static let name = "LEDGER"

    private let io: any SpoolIO
    private let directory: String
    private var text: LedgerText
    private var file: SegmentFile?
    private var end = 0
    private var isDirty = false
    private var isBroken = false

    /// Whether the file says what is known here.
    var isWritten: Bool { !isBroken }

    private init(io: any SpoolIO, directory: String, text: LedgerText) {
        self.io = io
        self.directory = directory
        self.text = text
    }

    private static func path(_ directory: String) -> String { directory + "/" + name }

    /// Reads the file; nil when there is none. Not a file, or unreadable: an empty text with its flaw. A shortage is thrown.
    static func read(io: any SpoolIO, directory: String) throws(IOFailure) -> LedgerText? {
        let path = path(directory)
        var flawed = LedgerText()
        do throws(IOFailure) {
            switch try io.facts(path).kind {
            case .other(let kind):
                flawed.flaw = "is \(kind)"
                return flawed
            case .linked, .regular: break
            }
            let file = SegmentFile(io: io, fd: try io.open(path, create: false), size: 0, path: path)
            let size = min(try io.size(file.fd), 64 << 20)
            var read = 0
            var bytes = [UInt8](repeating: 0, count: size)
            let failure = bytes.withUnsafeMutableBytes { memory -> IOFailure? in
                do throws(IOFailure) { read = try io.pread(file.fd, into: memory, at: 0) } catch { return error }
                return nil
            }
            if let failure { throw failure }
            return LedgerText(Array(bytes[..<read]))
        } catch {
            if error.number == 2 { return nil }
            if error.shortage != nil { throw error }
            flawed.flaw = "cannot be read (\(error.reason))"
            return flawed
        }
    }

    /// Starts the file anew with these entries. What cannot be written now is written later.
    static func make(io: any SpoolIO, directory: String, node: String, epoch: UInt64, entries: [UInt32: LedgerEntry]) -> Ledger {
        var text = LedgerText()
        text.node = node
        text.epoch = epoch
        text.entries = entries
        let ledger = Ledger(io: io, directory: directory, text: text)
        ledger.rewrite()
        return ledger
    }

    // MARK: Changes

    /// What is known of a segment.
    func entry(_ sequence: UInt32) -> LedgerEntry? { text.entries[sequence] }

    /// The records of a segment are durable up to `used`. The line itself is synced by `settle`.
    func note(_ sequence: UInt32, life: UInt64, used: Int) {
        let entry = LedgerEntry(life: life, used: used)
        guard text.entries[sequence] != entry else { return }
        text.entries[sequence] = entry
        append(LedgerText.line(sequence, entry))
    }

    /// The segment is about to be given up. Durable when it returns, except where the disk refuses: then a crash at the wrong moment
    /// reports a segment as missing that nobody needs.
    func forget(_ sequence: UInt32) {
        guard text.entries.removeValue(forKey: sequence) != nil else { return }
        append(CheckedLine.make("- \(sequence)"))
        synchronize()
    }

    /// Syncs what was noted; writes the file anew when it could not be written before.
    func synchronize() {
        if isBroken { rewrite() }
        guard isDirty, let file else { return }
        do throws(IOFailure) {
            try io.synchronize(file.fd)
            isDirty = false
        } catch { fail(error) }
    }

    private func append(_ line: String) {
        guard !isBroken, let file else { return }
        let bytes = Array(line.utf8)
        // The last byte stays zero: the end of the text is where the zeros begin.
        guard end + bytes.count < file.size else { return rewrite() }
        if let failure = bytes.withUnsafeBytes({ file.write($0, at: end).failure }) { return fail(failure) }
        end += bytes.count
        isDirty = true
    }

    /// Whether the file is still under its name.
    func isInPlace() -> Bool { isBroken || file.map { ((try? io.links($0.fd)) ?? 1) > 0 } ?? true }

    /// Replaces the file.
    func rewrite() {
        let path = Self.path(directory)
        let bytes = text.bytes
        // As much again is room for what comes, so that a full disk does not keep a segment from being given up.
        let size = (bytes.count * 2 / LedgerText.block + 1) * LedgerText.block
        do throws(IOFailure) {
            try? io.remove(path + ".new")
            let new = SegmentFile(io: io, fd: try io.open(path + ".new", create: true), size: size, path: path)
            try io.allocate(new.fd, size: size)
            if let failure = bytes.withUnsafeBytes({ new.write($0, at: 0).failure }) { throw failure }
            try io.synchronize(new.fd)
            try io.rename(path + ".new", path)
            try io.synchronizeDirectory(directory)
            file = new
            end = bytes.count
            isDirty = false
            if isBroken { Log.warn("spool \(directory): the list of segments is written again") }
            isBroken = false
        } catch { fail(error) }
    }

    private func fail(_ failure: IOFailure) {
        if !isBroken {
            Log.warn(
                "spool \(directory): the list of segments cannot be written: \(failure.reason); it is tried again, and mail is not affected"
            )
        }
        isBroken = true
    }
}

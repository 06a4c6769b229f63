import Glibc
import Telemetry

/// The steps by which a directory becomes a node's. *value*.
struct VolumeClaim {
    let directory: String
    let nodeID: String
    let epoch: UInt64
    private(set) var owner: OwnerRecord
    private(set) var damages: [SpoolDamage] = []
    /// `LOCK` has to be made.
    private(set) var needsLock = false
    private var wantsOwner = false
    private var setAside: [String] = []

    init(directory: String, nodeID: String, epoch: UInt64) {
        self.directory = directory
        self.nodeID = nodeID
        self.epoch = epoch
        owner = OwnerRecord(node: nodeID, epoch: epoch)
    }

    /// The node that the directory belongs to, as far as it says so.
    static func recorded(_ directory: String) throws(SpoolError) -> (found: OwnerRecord.Found, ledger: LedgerText?) {
        let found = try OwnerRecord.read(directory)
        do throws(IOFailure) {
            let ledger = try Ledger.read(io: ReadOnlyIO(), directory: directory)
            return (found, ledger.flatMap { $0.node.isEmpty ? nil : $0 })
        } catch {
            throw SpoolError(.unwritable, "cannot read \(directory)/\(Ledger.name): \(error.reason)", remedy: error.shortage?.remedy ?? "")
        }
    }

    /// Refuses a directory that is another's, or no spool at all. Changes nothing.
    mutating func refuseOthers() throws(SpoolError) {
        guard !nodeID.isEmpty, nodeID.utf8.count <= 255, nodeID.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw SpoolError(.invalid, "the node id must be 1 to 255 visible ASCII characters")
        }
        let (found, ledger) = try Self.recorded(directory)
        var known: OwnerRecord?
        switch found {
        case .record(let record): known = record
        case .missing:
            known = ledger.map { OwnerRecord(node: $0.node, epoch: $0.epoch) }
            if ledger != nil || Self.holdsSegments(directory) {
                damages.append(SpoolDamage(file: "OWNER", what: "is missing; made again for node \(known?.node ?? nodeID)"))
            } else {
                try refuseOthersFiles(besides: [])
            }
        case .damaged(let what):
            known = ledger.map { OwnerRecord(node: $0.node, epoch: $0.epoch) }
            if ledger == nil, !Self.holdsSegments(directory) { try refuseOthersFiles(besides: ["OWNER"]) }
            damages.append(SpoolDamage(file: "OWNER", what: "\(what); made again for node \(known?.node ?? nodeID)"))
            setAside.append("OWNER")
        }
        if let known {
            guard known.node == nodeID else {
                throw SpoolError(
                    .foreign, "the spool \(directory) belongs to node \(known.node), this is node \(nodeID)",
                    remedy: "Start with the right directory or node id")
            }
            guard known.epoch <= epoch else {
                throw SpoolError(
                    .foreign, "the spool \(directory) was taken over (its epoch is \(known.epoch), ours \(epoch))",
                    remedy: "Another node has adopted this spool; start with an empty directory")
            }
            owner.words = known.words
            // Whatever was kept must still be there.
            if ledger != nil { owner.words.insert("ledger") }
        }
        wantsOwner = found != .record(owner)
    }

    /// Takes `LOCK`. nil: it is not there, or is no file; then `needsLock`, and it is made when the directory is known to be free.
    mutating func takeLock(making: Bool = false) throws(SpoolError) -> Int32? {
        let path = directory + "/LOCK"
        if !making {
            guard let facts = try? SystemIO().facts(path) else {
                needsLock = true
                if wasUsed { damages.append(SpoolDamage(file: "LOCK", what: "is missing; made again")) }
                return nil
            }
            guard facts.kind == .regular else {
                needsLock = true
                damages.append(SpoolDamage(file: "LOCK", what: "is not a file; made again"))
                setAside.append("LOCK")
                return nil
            }
            if facts.size > 0 { damages.append(SpoolDamage(file: "LOCK", what: "is not empty, as it should be; emptied")) }
        }
        let fd = DescriptorReserve.shared.open { open(path, O_RDWR | (making ? O_CREAT : 0) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o640) }
        guard fd >= 0 else { throw SpoolError.unwritable(path) }
        if flock(fd, LOCK_EX | LOCK_NB) != 0 {
            let reason = errno
            close(fd)
            if reason == EWOULDBLOCK { throw SpoolError.locked(directory) }
            errno = reason
            throw SpoolError.unwritable(path)
        }
        ftruncate(fd, 0)
        return fd
    }

    private var wasUsed: Bool { !wantsOwner || owner.words.contains("ledger") || Self.holdsSegments(directory) }

    /// Makes `segments` and `corrupt`, and moves away what stands in their place or in that of a state file.
    mutating func makePlaces() throws(SpoolError) {
        for name in ["corrupt", "segments"] {
            let path = directory + "/" + name
            var info = stat()
            if stat(path, &info) == 0 ? info.st_mode & S_IFMT != S_IFDIR : (try? SystemIO().facts(path)) != nil {
                let away = Self.freeName(directory + (name == "corrupt" ? "/corrupt.was" : "/corrupt/segments"))
                guard rename(path, away) == 0 else { throw SpoolError.unwritable(path) }
                damages.append(SpoolDamage(file: name, what: "was not a directory; moved to \(away)"))
            }
            if mkdir(path, 0o750) != 0, errno != EEXIST { throw SpoolError.unwritable(path) }
        }
        for name in setAside {
            let away = Self.freeName(directory + "/corrupt/" + name)
            guard rename(directory + "/" + name, away) == 0 else { throw SpoolError.unwritable(directory + "/" + name) }
        }
        if let facts = try? SystemIO().facts(directory + "/OWNER.new"), facts.kind != .regular {
            damages.append(SpoolDamage(file: "OWNER.new", what: "was not a file; moved to corrupt/"))
            guard rename(directory + "/OWNER.new", Self.freeName(directory + "/corrupt/OWNER.new")) == 0 else {
                throw SpoolError.unwritable(directory + "/OWNER.new")
            }
        }
    }

    /// Writes `OWNER` when it does not say what it should.
    func complete() throws(SpoolError) { if wantsOwner { try owner.write(directory) } }

    private static func freeName(_ path: String) -> String {
        var name = path
        var number = 0
        while (try? SystemIO().facts(name)) != nil {
            number += 1
            name = "\(path)-\(number)"
        }
        return name
    }

    /// Whether there are segments of ours.
    static func holdsSegments(_ directory: String) -> Bool {
        let folder = directory + "/segments"
        for name in (try? SystemIO().list(folder)) ?? [] where SegmentName.parse(name) != nil {
            let fd = open(folder + "/" + name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard fd >= 0 else { continue }
            defer { close(fd) }
            var magic: UInt64 = 0
            if pread(fd, &magic, 8, 0) == 8, UInt64(littleEndian: magic) == SegmentHeader.magic { return true }
        }
        return false
    }

    private func refuseOthersFiles(besides: Set<String>) throws(SpoolError) {
        guard let names = try? SystemIO().list(directory) else { throw SpoolError.unwritable(directory) }
        let ours: Set<String> = ["LOCK", "OWNER.new", "LEDGER", "LEDGER.new", "lost+found"]
        for name in names.sorted() where !ours.contains(name) && !besides.contains(name) {
            let inside = (try? SystemIO().list(directory + "/" + name)) ?? ["?"]
            if name == "segments" || name == "corrupt", inside.isEmpty { continue }
            throw SpoolError(
                .foreign, "\(directory) is not empty (\(name)) and has no OWNER file, so it is not a spool of this node",
                remedy: "Name an empty or a new directory")
        }
    }
}

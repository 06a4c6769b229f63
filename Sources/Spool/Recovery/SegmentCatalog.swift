/// The segment files of a directory, sorted out by their headers alone. *value*.
///
/// The header is the truth, and the ledger says what must be there: names that disagree are set right, and what is missing, not a file or not
/// readable is reported. Nothing that a crash leaves behind is.
struct SegmentCatalog {
    /// A segment that may hold mail. *value*.
    struct Candidate {
        var sequence: UInt32
        /// 0: the segment header does not verify.
        var life: UInt64
        var file: SegmentFile
        /// The size the header gives.
        var claimed: Int?
        /// What the ledger knows of it.
        var expected: LedgerEntry?
        /// There is a list of segments in which this one could stand.
        var hasLedger = false
        /// It is there, but could not be opened; already reported. Its number stays taken, so that marks against its messages are kept.
        var isUnreadable = false
    }

    /// Newest first.
    var segments: [Candidate] = []
    var free: [SegmentFile] = []
    var nextSequence: UInt32 = 1
    /// The ledger as it was read.
    var ledger: LedgerText?

    private var seen: Set<UInt32> = []
    /// Segments that are not missing, though not there: given up, with their wiped header still to be seen, or reported already.
    private var accounted: Set<UInt32> = []
    /// Files of no known name that begin like a segment.
    private var strangers: [(name: String, header: SegmentHeader)] = []

    /// Opens and reads the headers of all segment files. Shortages are thrown, since they say nothing of the files.
    static func load(_ store: SpoolStore, expectsLedger: Bool = false) throws(IOFailure) -> SegmentCatalog {
        var catalog = SegmentCatalog()
        catalog.ledger = try Ledger.read(io: store.io, directory: store.options.directory)
        let path = store.options.directory + "/" + Ledger.name
        if let flaw = catalog.ledger?.flaw {
            let kept = store.setAside(path, name: Ledger.name)
            store.report(SpoolDamage(file: Ledger.name, what: "\(flaw)\(kept); made again, missing segments may go unnoticed this time"))
        } else if catalog.ledger == nil, expectsLedger {
            store.report(SpoolDamage(file: Ledger.name, what: "is missing; made again, missing segments may go unnoticed this time"))
        }
        // Files with their right name first: of two copies of a segment theirs counts.
        let names = try store.io.list(store.segmentsPath).sorted()
        let isRight = { (name: String) in SegmentName.parse(name).map { SegmentName.active($0.sequence) == name } ?? false }
        for name in names.filter(isRight) + names.filter({ !isRight($0) }) { try catalog.take(name, store) }
        catalog.findMissing(store)
        catalog.segments.sort { $0.sequence > $1.sequence }
        return catalog
    }

    /// The ledger that fits what is there.
    var entries: [UInt32: LedgerEntry] {
        Dictionary(uniqueKeysWithValues: segments.compactMap { segment in segment.expected.map { (segment.sequence, $0) } })
    }

    private mutating func take(_ name: String, _ store: SpoolStore) throws(IOFailure) {
        let path = store.segmentsPath + "/" + name
        let parsed = SegmentName.parse(name)
        if let parsed { nextSequence = max(nextSequence, parsed.sequence &+ 1) }
        let facts: FileFacts
        do throws(IOFailure) { facts = try store.io.facts(path) } catch {
            if error.number == 2 { return }  // a running node gave it up meanwhile
            throw error
        }
        if case .other(let kind) = facts.kind {
            guard parsed != nil else { return }
            let isNeeded = parsed.map { !$0.free && ledger?.entries[$0.sequence] != nil } ?? false
            if let parsed, isNeeded { accounted.insert(parsed.sequence) }
            let loss = isNeeded ? "; the messages of the segment are lost unless it is put back" : ""
            return store.report(
                SpoolDamage(file: "segments/\(name)", what: "is \(kind)\(store.setAside(path, name: name))\(loss)"), isSegment: isNeeded)
        }
        let fd: Int32
        let size: Int
        do throws(IOFailure) {
            fd = try store.io.open(path, create: false)
            do throws(IOFailure) { size = try store.io.size(fd) } catch {
                store.io.close(fd)
                throw error
            }
        } catch {
            if error.shortage != nil { throw error }
            if error.number == 2 { return }
            return unreadable(name, path, error, store)
        }
        let file = SegmentFile(io: store.io, fd: fd, size: size, path: path)
        let head = RecordBuffer(capacity: SegmentHeader.size)
        head.appendZeros(SegmentHeader.size)
        let target = UnsafeMutableRawBufferPointer(start: head.base, count: SegmentHeader.size)
        let n: Int
        do throws(IOFailure) { n = try store.io.pread(fd, into: target, at: 0) } catch {
            if error.shortage != nil { throw error }
            n = 0
        }
        let header = n == SegmentHeader.size ? SegmentHeader.decode(head.bytes) : nil
        guard let parsed else {
            if let header, header.state == .active { strangers.append((name, header)) }
            return
        }
        if facts.kind == .linked {
            guard header != nil else {
                accounted.insert(parsed.sequence)
                return store.report(
                    SpoolDamage(file: "segments/\(name)", what: "is a symbolic link\(store.setAside(path, name: name))"),
                    isSegment: ledger?.entries[parsed.sequence] != nil)
            }
            store.report(SpoolDamage(file: "segments/\(name)", what: "is a symbolic link to a segment; read all the same"))
        }
        if let header { nextSequence = max(nextSequence, UInt32(header.sequence) &+ 1) }
        switch header {
        case .some(let header) where header.state == .active: active(name, file, header, store)
        case .none where !parsed.free:
            guard seen.insert(parsed.sequence).inserted else { return }
            segments.append(candidate(parsed.sequence, life: 0, file))
        case .some, .none:
            if let header { accounted.insert(UInt32(header.sequence)) }
            if header == nil, !head.bytes.allSatisfy({ $0 == 0 }) {
                return store.report(
                    SpoolDamage(file: "segments/\(name)", what: "is not unused any more\(store.setAside(path, name: name))"))
            }
            try spare(file, path, store)
        }
    }

    private func candidate(_ sequence: UInt32, life: UInt64, _ file: SegmentFile) -> Candidate {
        Candidate(
            sequence: sequence, life: life, file: file, expected: ledger?.entries[sequence],
            hasLedger: ledger.map { $0.flaw == nil } ?? false)
    }

    private mutating func active(_ name: String, _ file: SegmentFile, _ header: SegmentHeader, _ store: SpoolStore) {
        let sequence = UInt32(header.sequence)
        let path = store.segmentsPath + "/" + name
        guard seen.insert(sequence).inserted else {
            return store.report(
                SpoolDamage(
                    file: "segments/\(name)",
                    what: "is another copy of \(SegmentName.active(sequence)), which counts\(store.setAside(path, name: name))"))
        }
        let right = SegmentName.active(sequence)
        if right != name {
            let isFree = (try? store.io.facts(store.segmentsPath + "/" + right)) == nil
            if !store.readOnly, isFree, (try? store.io.rename(path, store.segmentsPath + "/" + right)) != nil {
                file.path.withLock { $0 = store.segmentsPath + "/" + right }
            }
            store.report(SpoolDamage(file: "segments/\(right)", what: "had the name \(name); nothing of it is lost"))
        }
        var made = candidate(sequence, life: header.life, file)
        made.claimed = header.fileSize
        if let expected = made.expected, expected.life != header.life {
            store.report(SpoolDamage(file: "segments/\(right)", what: "was replaced by another segment"), isSegment: true)
            made.expected = nil
        }
        segments.append(made)
    }

    private mutating func spare(_ file: SegmentFile, _ path: String, _ store: SpoolStore) throws(IOFailure) {
        if store.readOnly { return }
        // The wipe may be in the page cache only (the process was killed). What protected against the copies in
        // this file is about to be dropped, so it must be durable.
        try store.io.synchronize(file.fd)
        if free.count < store.options.maxFreeSegments, file.size == store.options.segmentSize {
            free.append(file)
        } else {
            try? store.io.remove(path)
        }
    }

    private mutating func unreadable(_ name: String, _ path: String, _ failure: IOFailure, _ store: SpoolStore) {
        guard let parsed = SegmentName.parse(name) else { return }
        let what = "cannot be opened (\(failure.reason)); it stays, and is read at the next start at which it can be"
        store.report(SpoolDamage(file: "segments/\(name)", what: what), isSegment: !parsed.free)
        guard !parsed.free, seen.insert(parsed.sequence).inserted else { return }
        var made = candidate(parsed.sequence, life: 0, SegmentFile(io: store.io, fd: -1, size: 0, path: path))
        made.isUnreadable = true
        segments.append(made)
    }

    // MARK: What is not there

    private mutating func findMissing(_ store: SpoolStore) {
        for (sequence, entry) in (ledger?.entries ?? [:]).sorted(by: { $0.key < $1.key }) {
            nextSequence = max(nextSequence, sequence &+ 1)
            guard !seen.contains(sequence), !accounted.contains(sequence) else { continue }
            let right = SegmentName.active(sequence)
            if let index = strangers.firstIndex(where: { UInt32($0.header.sequence) == sequence && $0.header.life == entry.life }) {
                let stranger = strangers.remove(at: index)
                let path = store.segmentsPath + "/" + stranger.name
                if let fd = try? store.io.open(path, create: false), let size = try? store.io.size(fd) {
                    active(stranger.name, SegmentFile(io: store.io, fd: fd, size: size, path: path), stranger.header, store)
                    continue
                }
            }
            // A ledger that lost lines may have lost the one that says it was given up.
            guard ledger?.flaw == nil else { continue }
            store.report(
                SpoolDamage(file: "segments/\(right)", what: "is missing; its messages are lost unless the file is put back"),
                isSegment: true)
        }
        for stranger in strangers {
            store.report(
                SpoolDamage(
                    file: "segments/\(stranger.name)",
                    what: "is a copy of segment \(stranger.header.sequence) under a name that is not read; remove it"))
        }
    }
}

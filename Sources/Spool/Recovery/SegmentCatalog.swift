/// The segment files of a directory, sorted out by their headers alone. *value*.
struct SegmentCatalog {
    /// A segment that may hold mail. *value*.
    struct Candidate {
        var sequence: UInt32
        /// 0: the segment header does not verify.
        var life: UInt64
        var file: SegmentFile
    }

    /// Newest first.
    var segments: [Candidate] = []
    var free: [SegmentFile] = []
    var nextSequence: UInt32 = 1

    /// Opens and reads the headers of all segment files. The header is the truth; names that disagree are set right.
    static func load(io: any SpoolIO, directory: String, options: SpoolOptions, readOnly: Bool = false) throws(IOFailure) -> SegmentCatalog
    {
        var catalog = SegmentCatalog()
        var seen: Set<UInt32> = []
        for name in try io.list(directory).sorted() {
            guard let (nameSequence, namedFree) = SegmentName.parse(name) else { continue }
            let path = directory + "/" + name
            let fd = try io.open(path, create: false)
            let size: Int
            do { size = try io.size(fd) } catch {
                io.close(fd)
                throw error
            }
            let file = SegmentFile(io: io, fd: fd, size: size, path: path)
            catalog.nextSequence = max(catalog.nextSequence, nameSequence &+ 1)
            let head = RecordBuffer(capacity: SegmentHeader.size)
            head.appendZeros(SegmentHeader.size)
            let n = try io.pread(fd, into: UnsafeMutableRawBufferPointer(start: head.base, count: SegmentHeader.size), at: 0)
            let header = n == SegmentHeader.size ? SegmentHeader.decode(head.bytes) : nil
            if let header { catalog.nextSequence = max(catalog.nextSequence, UInt32(header.sequence) &+ 1) }
            switch header {
            case .some(let header) where header.state == .active:
                let sequence = UInt32(header.sequence)
                guard seen.insert(sequence).inserted else { continue }
                let right = directory + "/" + SegmentName.active(sequence)
                if !readOnly, right != path, (try? io.rename(path, right)) != nil { file.path.withLock { $0 = right } }
                catalog.segments.append(Candidate(sequence: sequence, life: header.life, file: file))
            case .none where !namedFree:
                guard seen.insert(nameSequence).inserted else { continue }
                catalog.segments.append(Candidate(sequence: nameSequence, life: 0, file: file))
            case .some, .none:
                if readOnly { continue }
                // The wipe may be in the page cache only (the process was killed). What protected against the copies in
                // this file is about to be dropped, so it must be durable.
                try io.synchronize(fd)
                if catalog.free.count < options.maxFreeSegments, size == options.segmentSize {
                    catalog.free.append(file)
                } else {
                    try? io.remove(path)
                }
            }
        }
        catalog.segments.sort { $0.sequence > $1.sequence }
        return catalog
    }
}

/// Makes ready segments for a spool that has none to recycle yet. *value*.
///
/// A sync of bytes written into a merely preallocated range has to commit file system metadata too (the range turns from unwritten to
/// written); in a file that was written before it has not: 55 µs instead of 80 µs here, and no work for the journal. Segments that were
/// recycled have it that way; these do from the first message on.
enum SpareSegments {
    /// Writes up to `count` free segment files full of zeros, numbered from `sequence` on. None on a volume with room for fewer than 16
    /// segments, and no error where it fails: spares only save time.
    static func prepare(count: Int, from sequence: inout UInt32, store: SpoolStore) -> [SegmentFile] {
        var made: [SegmentFile] = []
        let size = store.options.segmentSize
        for _ in 0..<count {
            guard let room = try? store.io.room(store.options.directory),
                room.bytes - store.options.minFreeSpace > 16 * size, sequence < UInt32.max
            else { break }
            let path = store.freePath(sequence)
            guard let file = try? write(path, size: size, store: store) else {
                try? store.io.remove(path)
                break
            }
            sequence += 1
            made.append(file)
        }
        if !made.isEmpty { try? store.io.synchronizeDirectory(store.segmentsPath) }
        return made
    }

    private static func write(_ path: String, size: Int, store: SpoolStore) throws(IOFailure) -> SegmentFile {
        let file = SegmentFile(io: store.io, fd: try store.io.open(path, create: true), size: size, path: path)
        try store.io.allocate(file.fd, size: size)
        let zeros = [UInt8](repeating: 0, count: min(size, 1 << 20))
        var offset = 0
        while offset < size {
            let failure = zeros.withUnsafeBytes {
                file.write(UnsafeRawBufferPointer(rebasing: $0[..<min(zeros.count, size - offset)]), at: offset).failure
            }
            if let failure { throw failure }
            offset += zeros.count
        }
        try store.io.synchronize(file.fd)
        return file
    }
}

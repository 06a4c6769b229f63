/// An open segment file; closes when the last user lets go, so that a read in flight outlives recycling. *shared*.
final class SegmentFile: Sendable {
    let io: any SpoolIO
    let fd: Int32
    let size: Int
    /// Where the file is now; recycling renames it.
    let path: Guarded<String>

    init(io: any SpoolIO, fd: Int32, size: Int, path: String) {
        self.io = io
        self.fd = fd
        self.size = size
        self.path = Guarded(path)
    }

    deinit { if fd >= 0 { io.close(fd) } }

    /// Writes all of `bytes`; on failure says how many bytes arrived before it.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> (written: Int, failure: IOFailure?) {
        var done = 0
        while done < bytes.count {
            do {
                let n = try io.pwrite(fd, UnsafeRawBufferPointer(rebasing: bytes[done...]), at: offset + done)
                if n <= 0 { return (done, IOFailure("pwrite", 28)) }
                done += n
            } catch { return (done, error) }
        }
        return (done, nil)
    }
}

import Glibc

/// A directory that is held open and must stay under its name. *value*.
///
/// Its identity cannot pass to another directory: the open descriptor keeps the inode in use.
struct VolumePlace: Sendable {
    let path: String
    private let device: UInt
    private let inode: UInt

    init(fd: Int32, path: String) throws(SpoolError) {
        var held = stat()
        guard fstat(fd, &held) == 0 else { throw SpoolError.unwritable(path) }
        self.path = path
        device = UInt(held.st_dev)
        inode = UInt(held.st_ino)
    }

    /// Why the directory is not under its name, if so.
    var absence: String? {
        var named = stat()
        guard stat(path, &named) == 0 else {
            // Only what says that it is not there: a shortage or a slow server says nothing.
            return errno == ENOENT || errno == ENOTDIR ? "\(path) was removed or renamed" : nil
        }
        return UInt(named.st_ino) == inode && UInt(named.st_dev) == device ? nil : "\(path) is another directory than at the start"
    }
}

import Glibc

/// What kind of file a descriptor or a path is. A namespace.
///
/// It is here, in a target without NIO: beside NIO the members of C's `stat` may belong to one of NIO's C modules, depending on how the
/// compiler batches files.
package enum FileKind {
    /// Whether an open descriptor is a regular file.
    package static func isRegular(_ descriptor: Int32) -> Bool {
        var info = stat()
        return fstat(descriptor, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    }
}

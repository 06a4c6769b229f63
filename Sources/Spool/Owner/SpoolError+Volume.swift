import Glibc

// What is wrong with the directory of a spool.
extension SpoolError {
    /// It cannot be written, for the reason of the last system call.
    static func unwritable(_ path: String) -> SpoolError {
        let number = errno
        return SpoolError(
            .unwritable, "cannot write \(path): \(String(cString: strerror(number)))",
            remedy: Shortage(number)?.remedy
                ?? "Create the directory and give it to the user the node runs as, on a volume mounted read-write")
    }

    /// Another process has it.
    static func locked(_ directory: String) -> SpoolError {
        SpoolError(
            .locked, "another process uses the spool \(directory)", remedy: "Stop it, or give this node a spool directory of its own")
    }
}

/// A system call that failed. *value*.
package struct IOFailure: Error, Sendable, Equatable {
    /// The system call.
    package let operation: String
    /// Its `errno`.
    package let number: Int32
    /// The failure of a call.
    package init(_ operation: String, _ number: Int32) {
        self.operation = operation
        self.number = number
    }
}

/// Free room of a volume. *value*.
package struct VolumeRoom: Sendable, Equatable {
    /// Free bytes.
    package var bytes: Int
    /// Free inodes.
    package var inodes: Int
    /// So much room.
    package init(bytes: Int, inodes: Int) {
        self.bytes = bytes
        self.inodes = inodes
    }
}

/// What stands under a name. *value*.
package struct FileFacts: Sendable, Equatable {
    /// What it is: only files hold records.
    package enum Kind: Sendable, Equatable {
        case regular
        /// A symbolic link to a file.
        case linked
        /// Nothing that could be read as a file, in words.
        case other(String)
    }
    /// What it is.
    package var kind: Kind
    /// Bytes.
    package var size: Int
    /// The facts of a file.
    package init(kind: Kind, size: Int) {
        self.kind = kind
        self.size = size
    }
}

/// The system calls on segment files, so that tests can make each of them fail and can pull the plug between any two.
/// Paths are whole. Implementations are thread-safe.
package protocol SpoolIO: Sendable {
    /// Whether this is an implementation that changes files at all.
    var mayWrite: Bool { get }
    /// Opens for reading and writing, creating the file when asked.
    func open(_ path: String, create: Bool) throws(IOFailure) -> Int32
    func close(_ fd: Int32)
    func size(_ fd: Int32) throws(IOFailure) -> Int
    /// Fills as much of `into` as there is; fewer bytes only at the end of the file.
    func pread(_ fd: Int32, into: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOFailure) -> Int
    /// Writes a part, at least one byte.
    func pwrite(_ fd: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IOFailure) -> Int
    func synchronize(_ fd: Int32) throws(IOFailure)
    func allocate(_ fd: Int32, size: Int) throws(IOFailure)
    func rename(_ from: String, _ to: String) throws(IOFailure)
    func remove(_ path: String) throws(IOFailure)
    func synchronizeDirectory(_ path: String) throws(IOFailure)
    func list(_ path: String) throws(IOFailure) -> [String]
    func room(_ path: String) throws(IOFailure) -> VolumeRoom
    /// What the name stands for, without opening it.
    func facts(_ path: String) throws(IOFailure) -> FileFacts
    /// How many names the open file has; none when it was removed.
    func links(_ fd: Int32) throws(IOFailure) -> Int
}

extension SpoolIO {
    /// Whether anything may be written.
    package var mayWrite: Bool { true }
}

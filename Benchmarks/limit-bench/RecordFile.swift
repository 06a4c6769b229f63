import Glibc
import RateCheck

/// Where grants are recorded, in the binary form that rate-check reads. *Loop-confined.*
///
/// One write per record: a process that is killed has lost none, which is the point of killing it.
final class RecordFile {
    private let descriptor: Int32
    private let node: Int32
    private var bytes = [UInt8](repeating: 0, count: RecordForm.binarySize)

    /// Truncates the file.
    init(path: String, node: Int) throws(BenchError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw BenchError("cannot write \(path): \(String(cString: strerror(errno)))") }
        self.node = Int32(node)
        try write(RecordForm.magic)
    }

    deinit { close(descriptor) }

    /// Records one event: a grant, or `change` -1 for a close.
    func add(_ time: Int64, key: Int, change: Int8 = 1) throws(BenchError) {
        put(UInt64(bitPattern: time), at: 0, count: 8)
        put(UInt64(key), at: 8, count: 4)
        put(UInt64(UInt32(bitPattern: node)), at: 12, count: 4)
        bytes[16] = UInt8(bitPattern: change)
        try write(bytes)
    }

    private func put(_ value: UInt64, at offset: Int, count: Int) {
        for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }

    private func write(_ bytes: [UInt8]) throws(BenchError) {
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count else { throw BenchError("the record file cannot be written: \(String(cString: strerror(errno)))") }
    }
}

/// What went wrong, in one sentence. *Value.*
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

import CChecksum

/// The first 64 bytes of a segment file; records start at byte 512. *value*.
///
///     0 "APUSSEG1"   8 version   12 state (1 in use, 2 free)   16 sequence   24 size   32 life   60 CRC32C of bytes 0..<60
///
/// The header is the truth, the file's name is for people: a crash may leave a rename undone.
struct SegmentHeader: Equatable {
    static let size = 64
    static let firstRecord = 512
    static let magic: UInt64 = 0x3147_4553_5355_5041
    static let version: UInt32 = 1

    enum State: UInt32 {
        case active = 1
        case free = 2
    }

    var state: State
    var sequence: UInt64
    var fileSize: Int
    /// See `RecordHeader`.
    var life: UInt64

    func encode(into buffer: RecordBuffer) {
        let start = buffer.count
        buffer.append(Self.magic)
        buffer.append(Self.version)
        buffer.append(state.rawValue)
        buffer.append(sequence)
        buffer.append(UInt64(fileSize))
        buffer.append(life)
        buffer.appendZeros(Self.size - 4 - (buffer.count - start))
        buffer.append(apus_crc32c(0, buffer.base + start, Self.size - 4))
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) -> SegmentHeader? {
        guard bytes.count >= size else { return nil }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[0..<size]))
        guard reader.integer(UInt64.self) == magic, reader.integer(UInt32.self) == version,
            let rawState = reader.integer(UInt32.self), let state = State(rawValue: rawState),
            let sequence = reader.integer(UInt64.self), sequence > 0, sequence <= UInt64(UInt32.max),
            let fileSize = reader.integer(UInt64.self),
            fileSize <= 1 << 30, let life = reader.integer(UInt64.self), reader.slice(20) != nil,
            let checksum = reader.integer(UInt32.self),
            checksum == apus_crc32c(0, bytes.baseAddress, size - 4)
        else { return nil }
        return SegmentHeader(state: state, sequence: sequence, fileSize: Int(fileSize), life: life)
    }
}

/// Names of files in `segments/`. *value*.
enum SegmentName {
    static func active(_ sequence: UInt32) -> String { pad(sequence) + ".log" }
    static func free(_ sequence: UInt32) -> String { "free-" + pad(sequence) + ".log" }

    private static func pad(_ sequence: UInt32) -> String {
        let digits = String(sequence)
        return String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits
    }

    /// The sequence a name tells, and whether it is the name of a free segment. nil for any other file.
    static func parse(_ name: String) -> (sequence: UInt32, free: Bool)? {
        guard name.hasSuffix(".log") else { return nil }
        let stem = name.dropLast(4)
        let free = stem.hasPrefix("free-")
        guard let sequence = UInt32(free ? stem.dropFirst(5) : stem), sequence > 0 else { return nil }
        return (sequence, free)
    }
}

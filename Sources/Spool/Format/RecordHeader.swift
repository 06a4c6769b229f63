import CChecksum
import Message

/// What a record is. *value*.
enum RecordKind: UInt8 {
    case message = 1
    case chunk = 2
    case update = 3
    case done = 4
}

/// The 48 bytes before each payload. *value*.
///
///     0 magic   4 kind   5 flags   6 zero   8 payload length   12 zero   16 life
///     24 id (high, low)   40 CRC32C of the payload   44 CRC32C of bytes 0..<44
///
/// Two checksums, because a header that verifies by itself lets the reader step over exactly the damaged payload.
/// The life is a random number drawn each time a segment file is taken into use: bytes of a former life never verify as
/// records of this one, and a sender who puts record-shaped bytes into a body cannot guess it.
/// Records start at multiples of eight, which makes the search for the next one after damage cheap.
struct RecordHeader: Equatable {
    static let size = 48
    static let alignment = 8
    static let magic: UInt32 = 0x5253_5041  // "APSR"

    var kind: RecordKind
    var length: Int
    var life: UInt64
    var id: MessageID
    var payloadChecksum: UInt32

    /// Bytes of a record with its padding.
    static func total(_ length: Int) -> Int { (size + length + alignment - 1) & ~(alignment - 1) }
    var total: Int { Self.total(length) }

    /// Begins a record in `buffer`; `finish` fills the gap in.
    static func begin(in buffer: RecordBuffer) -> Int {
        let start = buffer.count
        buffer.appendZeros(size)
        return start
    }

    /// Completes the record begun at `start` and pads it. Returns its whole length.
    @discardableResult
    static func finish(in buffer: RecordBuffer, at start: Int, kind: RecordKind, id: MessageID, life: UInt64) -> Int {
        let length = buffer.count - start - size
        let checksum = apus_crc32c(0, buffer.base + start + size, length)
        buffer.appendZeros(total(length) - size - length)
        buffer.store(magic, at: start)
        buffer.store(kind.rawValue, at: start + 4)
        buffer.store(UInt32(length), at: start + 8)
        buffer.store(life, at: start + 16)
        buffer.store(id.high, at: start + 24)
        buffer.store(id.low, at: start + 32)
        buffer.store(checksum, at: start + 40)
        buffer.store(apus_crc32c(0, buffer.base + start, 44), at: start + 44)
        return total(length)
    }

    /// Why bytes are no header. *value*.
    enum Flaw: Equatable { case noMagic, foreign, checksum, fields }

    /// Decodes the header at the start of `bytes` (at least 48). With `verify` false only the form is checked (fuzzing).
    static func decode(_ bytes: UnsafeRawBufferPointer, life: UInt64, verify: Bool = true) -> Result<RecordHeader, HeaderFlaw> {
        guard bytes.count >= size else { return .failure(HeaderFlaw(.noMagic)) }
        func load<T: FixedWidthInteger>(_ offset: Int, _: T.Type) -> T {
            T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
        }
        let magicMatches = load(0, UInt32.self) == magic
        let stored = load(16, UInt64.self)
        guard magicMatches else { return .failure(HeaderFlaw(stored == life ? .checksum : .noMagic)) }
        if verify, load(44, UInt32.self) != apus_crc32c(0, bytes.baseAddress, 44) { return .failure(HeaderFlaw(.checksum)) }
        guard stored == life else { return .failure(HeaderFlaw(.foreign)) }
        guard let kind = RecordKind(rawValue: load(4, UInt8.self)) else { return .failure(HeaderFlaw(.fields)) }
        return .success(
            RecordHeader(
                kind: kind, length: Int(load(8, UInt32.self)), life: stored,
                id: MessageID(high: load(24, UInt64.self), low: load(32, UInt64.self)), payloadChecksum: load(40, UInt32.self)))
    }

    struct HeaderFlaw: Error, Equatable {
        let flaw: Flaw
        init(_ flaw: Flaw) { self.flaw = flaw }
    }
}

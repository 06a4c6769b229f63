import CChecksum

/// Steps through the records of one segment held in memory and finds its way again after damage. *state machine*.
///
/// Never hides a later record: where no header verifies, the search goes on at every eighth byte to the end.
struct SegmentScanner {
    /// What the scanner met. *value*. Offsets are in the segment.
    enum Event {
        case record(RecordHeader, offset: Int, payload: UnsafeRawBufferPointer)
        /// Bytes that should have been a record; `atEnd` when nothing valid follows in this segment.
        case damage(Damage)
        case end
    }

    struct Damage: Equatable {
        var offset: Int
        var length: Int
        var reason: String
        var atEnd: Bool
    }

    private let bytes: UnsafeRawBufferPointer
    private let life: UInt64
    private let verify: Bool
    private var position: Int
    private var pending: Damage?

    /// `bytes` is the whole segment, header included; scanning starts at `from`.
    init(_ bytes: UnsafeRawBufferPointer, life: UInt64, from: Int = SegmentHeader.firstRecord, verify: Bool = true) {
        self.bytes = bytes
        self.life = life
        self.verify = verify
        position = from
    }

    /// The end of the last record met.
    private(set) var usedEnd = SegmentHeader.firstRecord

    private enum Probe {
        case good(RecordHeader)
        case badPayload(RecordHeader)
        case bad(RecordHeader.Flaw)
    }

    private func probe(_ offset: Int) -> Probe {
        guard offset + RecordHeader.size <= bytes.count else { return .bad(.noMagic) }
        let head = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + RecordHeader.size)])
        switch RecordHeader.decode(head, life: life, verify: verify) {
        case .failure(let flaw): return .bad(flaw.flaw)
        case .success(let header):
            guard header.length <= bytes.count - offset - RecordHeader.size else { return .badPayload(header) }
            guard verify else { return .good(header) }
            let sum = apus_crc32c(0, bytes.baseAddress! + offset + RecordHeader.size, header.length)
            return sum == header.payloadChecksum ? .good(header) : .badPayload(header)
        }
    }

    mutating func next() -> Event {
        switch probe(position) {
        case .good(let header):
            let offset = position
            let payload = bytes[(offset + RecordHeader.size)..<(offset + RecordHeader.size + header.length)]
            position = min(offset + header.total, bytes.count)
            usedEnd = position
            return .record(header, offset: offset, payload: UnsafeRawBufferPointer(rebasing: payload))
        case .badPayload(let header):
            // The header verifies, so its length is trusted: step over exactly this record.
            let offset = position
            position = min(offset + header.total, bytes.count)
            usedEnd = position
            let follower = resynchronise(from: position)
            return .damage(
                Damage(offset: offset, length: position - offset, reason: "payload-checksum", atEnd: follower == nil))
        case .bad(let flaw):
            let offset = position
            if let follower = resynchronise(from: offset + RecordHeader.alignment) {
                position = follower
                return .damage(Damage(offset: offset, length: follower - offset, reason: "header", atEnd: false))
            }
            position = bytes.count
            // The regular end of the log is zeros or bytes of a former life. Anything that claims to be of this life is damage.
            if flaw == .checksum || flaw == .fields {
                let length = min(bytes.count - offset, 64 << 10)
                usedEnd = max(usedEnd, offset + length)
                return .damage(Damage(offset: offset, length: length, reason: "header", atEnd: true))
            }
            return .end
        }
    }

    /// The offset of the next header that verifies with its payload within bounds, or nil.
    private func resynchronise(from start: Int) -> Int? {
        var offset = (start + RecordHeader.alignment - 1) & ~(RecordHeader.alignment - 1)
        let last = bytes.count - RecordHeader.size
        while offset <= last {
            if bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self) == RecordHeader.magic.littleEndian {
                switch probe(offset) {
                case .good, .badPayload: return offset
                case .bad: break
                }
            }
            offset += RecordHeader.alignment
        }
        return nil
    }
}

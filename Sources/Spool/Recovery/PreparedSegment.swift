import Glibc
import Message

/// What one record says to recovery. *value*.
enum PreparedRecord {
    /// A message: what its queue must know, with the queue's name as an index into the segment's names.
    case message(PreparedMessage)
    case chunk(MessageID, ChunkPlace)
    case update(MessageID, Location, UpdateRecord)
    case done(MessageID, targets: [UInt32])
}

/// A message record as recovery sees it. *value*.
struct PreparedMessage {
    var id: MessageID
    var location: Location
    var body: MessageRecord.Shared?
    var bodyLength: Int
    var size: Int
    var created: Int64
    var due: Int64
    var expires: Int64
    var attempts: Int
    var queue: Int
    var lastReply: String?
}

/// A segment read, verified and decoded; applying it to the state is another step, in order. *value*.
struct PreparedSegment: Sendable {
    var records: [PreparedRecord] = []
    /// Distinct queue names of the segment.
    var queues: [String] = []
    var life: UInt64 = 0
    var usedEnd = SegmentHeader.firstRecord
    /// The end of the last record that verified.
    var recordsEnd = SegmentHeader.firstRecord
    var corrupt = 0
    var torn = 0
    var bytes = 0
    /// Damage that could not be copied, or a read error: the segment must not be given up.
    var keep = false

    /// Damage at the end was counted already.
    private var endIsCounted = false
    /// The file is shorter than it was made.
    private var isCut = false

    /// Reads and decodes a segment. `newest`: unfinished bytes at its end are the ordinary trace of a crash.
    static func prepare(_ candidate: SegmentCatalog.Candidate, store: SpoolStore, newest: Bool) -> PreparedSegment {
        var result = PreparedSegment()
        guard !candidate.isUnreadable else {
            result.keep = true
            return result
        }
        // No segment is larger; a file that claims to be must not make us reserve its size.
        let size = min(candidate.file.size, 1 << 30)
        result.checkSize(candidate, store: store, newest: newest)
        guard size >= SegmentHeader.firstRecord else { return result }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { memory.deallocate() }
        result.read(candidate, into: memory, store: store)
        let bytes = UnsafeRawBufferPointer(memory)
        result.life = candidate.life
        if result.life == 0 {
            result.adoptLife(candidate, bytes, store: store)
            if result.life == 0 { return result }
        }
        result.scan(candidate, bytes, store: store, newest: newest)
        result.checkEnd(candidate, bytes, store: store)
        return result
    }

    /// A file that holds no header any more, or is not as long as it was made.
    private mutating func checkSize(_ candidate: SegmentCatalog.Candidate, store: SpoolStore, newest: Bool) {
        let (size, file) = (candidate.file.size, "segments/\(SegmentName.active(candidate.sequence))")
        if size < SegmentHeader.firstRecord {
            // Without a line in the ledger it is a segment that was just made when the process was killed.
            guard candidate.expected != nil || (!candidate.hasLedger && !newest) else { return }
            store.report(SpoolDamage(file: file, what: "holds \(size) bytes; its messages are lost"), isSegment: true)
            endIsCounted = true
        } else if let claimed = candidate.claimed, size != claimed, candidate.expected != nil || !newest {
            isCut = size < claimed
            store.report(
                SpoolDamage(file: file, what: "is \(size) bytes long, and was \(claimed)\(isCut ? "; what was behind is lost" : "")"))
        }
    }

    /// The records that were durable must reach as far as the ledger says.
    private mutating func checkEnd(_ candidate: SegmentCatalog.Candidate, _ bytes: UnsafeRawBufferPointer, store: SpoolStore) {
        // A header that was cut through looks like the end; zeros enough for one say that nothing was there.
        let rest = UnsafeRawBufferPointer(rebasing: bytes[min(usedEnd, bytes.count)...])
        if isCut, !endIsCounted, rest.count < RecordHeader.size || !rest.allSatisfy({ $0 == 0 }) {
            corrupt += 1
            endIsCounted = true
        }
        guard let expected = candidate.expected, usedEnd < expected.used, !endIsCounted else { return }
        let damage = SegmentScanner.Damage(offset: usedEnd, length: expected.used - usedEnd, reason: "missing", atEnd: true)
        var part = UnsafeRawBufferPointer(rebasing: bytes[min(usedEnd, bytes.count)..<min(expected.used, bytes.count)])
        if part.allSatisfy({ $0 == 0 }) { part = UnsafeRawBufferPointer(start: nil, count: 0) }
        set(aside: damage, of: candidate.sequence, part, store: store)
    }

    /// Keeps damaged bytes and counts them, once: recovery meets the same damage again until its segment dies.
    private mutating func set(
        aside damage: SegmentScanner.Damage, of sequence: UInt32, _ part: UnsafeRawBufferPointer, torn isTorn: Bool = false,
        store: SpoolStore
    ) {
        switch store.quarantine(segment: sequence, damage: damage, bytes: part, torn: isTorn) {
        case .known: return
        case .copied: break
        case .failed: keep = keep || !isTorn
        }
        if isTorn { torn += 1 } else { corrupt += 1 }
    }

    /// Reads in pieces, so that one unreadable block does not take the whole segment with it.
    private mutating func read(_ candidate: SegmentCatalog.Candidate, into memory: UnsafeMutableRawBufferPointer, store: SpoolStore) {
        let piece = 4 << 20
        var offset = 0
        while offset < memory.count {
            let length = min(piece, memory.count - offset)
            let target = UnsafeMutableRawBufferPointer(rebasing: memory[offset..<(offset + length)])
            do {
                let n = try store.io.pread(candidate.file.fd, into: target, at: offset)
                if n < length { target[n...].initializeMemory(as: UInt8.self, repeating: 0) }
            } catch {
                // Short of memory is not short of bytes: the small pieces may go through.
                readSmall(candidate, target, offset, store: store)
            }
            offset += length
        }
        bytes = memory.count
    }

    private mutating func readSmall(
        _ candidate: SegmentCatalog.Candidate, _ target: UnsafeMutableRawBufferPointer, _ base: Int, store: SpoolStore
    ) {
        var offset = 0
        while offset < target.count {
            let part = UnsafeMutableRawBufferPointer(rebasing: target[offset..<min(offset + 4096, target.count)])
            do {
                let n = try patientRead(candidate.file.fd, into: part, at: base + offset, store.io)
                if n < part.count { part[n...].initializeMemory(as: UInt8.self, repeating: 0) }
            } catch {
                part.initializeMemory(as: UInt8.self, repeating: 0)
                keep = true
                let damage = SegmentScanner.Damage(offset: base + offset, length: part.count, reason: "unreadable", atEnd: false)
                set(aside: damage, of: candidate.sequence, UnsafeRawBufferPointer(start: nil, count: 0), store: store)
            }
            offset += part.count
        }
    }

    /// Reads once more when the system was only short of something, for a second at most.
    private func patientRead(
        _ fd: Int32, into part: UnsafeMutableRawBufferPointer, at offset: Int, _ io: any SpoolIO
    ) throws(IOFailure) -> Int {
        var left = 100
        while true {
            do throws(IOFailure) { return try io.pread(fd, into: part, at: offset) } catch {
                guard error.shortage != nil, left > 0 else { throw error }
                left -= 1
                usleep(10_000)
            }
        }
    }

    /// The segment header is damaged: the ledger tells the life, or the first record, if it verifies.
    private mutating func adoptLife(_ candidate: SegmentCatalog.Candidate, _ bytes: UnsafeRawBufferPointer, store: SpoolStore) {
        let head = SegmentScanner.Damage(offset: 0, length: SegmentHeader.firstRecord, reason: "segment-header", atEnd: false)
        let headBytes = UnsafeRawBufferPointer(rebasing: bytes[..<SegmentHeader.firstRecord])
        if let expected = candidate.expected {
            life = expected.life
            return set(aside: head, of: candidate.sequence, headBytes, store: store)
        }
        let first = UnsafeRawBufferPointer(rebasing: bytes[SegmentHeader.firstRecord...])
        if first.count >= RecordHeader.size {
            let claimed = UInt64(littleEndian: first.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            if claimed != 0, case .success = RecordHeader.decode(first, life: claimed) {
                life = claimed
                set(aside: head, of: candidate.sequence, headBytes, store: store)
                return
            }
        }
        // Zeros where the first record would be: preallocated or recycled, and the crash came before its first commit.
        let untouched = first.prefix(RecordHeader.size).allSatisfy { $0 == 0 }
        if !untouched {
            keep = true
            let damage = SegmentScanner.Damage(offset: 0, length: min(4096, bytes.count), reason: "segment-header", atEnd: false)
            set(aside: damage, of: candidate.sequence, UnsafeRawBufferPointer(rebasing: bytes[..<min(4096, bytes.count)]), store: store)
        }
    }

    private mutating func scan(
        _ candidate: SegmentCatalog.Candidate, _ bytes: UnsafeRawBufferPointer, store: SpoolStore, newest: Bool
    ) {
        let sequence = candidate.sequence
        var scanner = SegmentScanner(bytes, life: life)
        var names: [String: Int] = [:]
        scanning: while true {
            switch scanner.next() {
            case .end: break scanning
            case .damage(let damage):
                let part = UnsafeRawBufferPointer(rebasing: bytes[damage.offset..<min(damage.offset + damage.length, bytes.count)])
                // Torn is what nobody was told of: at the end, behind what is known to have been durable.
                let isUnknown = candidate.expected.map { damage.offset >= $0.used } ?? newest
                let isTorn = damage.atEnd && isUnknown && !isCut
                set(aside: damage, of: sequence, part, torn: isTorn, store: store)
                if damage.atEnd, !isTorn { endIsCounted = true }
            case .record(let header, let offset, let payload):
                let location = Location(segment: sequence, offset: UInt32(offset), length: UInt32(header.total))
                guard let record = Self.decode(header, payload, location, &names, &queues) else {
                    // The checksum holds but the fields make no sense: written by a newer version, or by a bug.
                    let damage = SegmentScanner.Damage(offset: offset, length: header.total, reason: "fields", atEnd: false)
                    let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<min(offset + header.total, bytes.count)])
                    set(aside: damage, of: sequence, part, store: store)
                    continue
                }
                records.append(record)
                recordsEnd = offset + header.total
            }
        }
        usedEnd = scanner.usedEnd
    }

    private static func decode(
        _ header: RecordHeader, _ payload: UnsafeRawBufferPointer, _ location: Location, _ names: inout [String: Int],
        _ queues: inout [String]
    ) -> PreparedRecord? {
        switch header.kind {
        case .message:
            guard let record = MessageRecord.decode(payload) else { return nil }
            var reader = ByteReader(record.envelope)
            guard let created = reader.integer(Int64.self), let due = reader.integer(Int64.self),
                let expires = reader.integer(Int64.self), let attempts = reader.integer(UInt32.self), let queue = reader.text(),
                let reply = reader.text()
            else { return nil }
            let index: Int
            if let known = names[queue] {
                index = known
            } else {
                index = queues.count
                names[queue] = index
                queues.append(queue)
            }
            return .message(
                PreparedMessage(
                    id: header.id, location: location, body: record.shared, bodyLength: record.bodyLength,
                    size: record.headers.count + record.bodyLength, created: created, due: due, expires: expires,
                    attempts: Int(attempts), queue: index, lastReply: reply.isEmpty ? nil : reply))
        case .chunk:
            return ChunkRecord.decode(payload).map {
                .chunk(header.id, ChunkPlace(sequence: $0.sequence, bytes: $0.bytes.count, location: location))
            }
        case .update: return UpdateRecord.decode(payload).map { .update(header.id, location, $0) }
        case .done: return DoneRecord.decode(payload).map { .done(header.id, targets: $0.targets) }
        }
    }
}

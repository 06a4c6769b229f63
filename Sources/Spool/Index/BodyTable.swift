import Message

/// One piece of a shared body on disk. *value*.
struct ChunkPlace: Equatable {
    var sequence: Int
    var bytes: Int
    var location: Location
}

/// A body that messages share. *value*.
struct SharedBody {
    var id: MessageID
    /// In order of their number; gaps are possible during recovery.
    var chunks: [ChunkPlace] = []
    var references = 0
    /// Found by recovery, so dropped at its end when nothing refers to it.
    var recovered = false

    /// Bytes of the body when chunks 0..<count are all there.
    func length(of count: Int) -> Int? {
        guard chunks.count >= count else { return nil }
        var total = 0
        for i in 0..<count {
            guard chunks[i].sequence == i else { return nil }
            total += chunks[i].bytes
        }
        return total
    }
}

/// Shared bodies by slot and id. *value*.
struct BodyTable {
    private var slots: [SharedBody?] = []
    private var free: [UInt32] = []
    private var byID: [MessageID: UInt32] = [:]

    subscript(slot: UInt32) -> SharedBody? {
        get { Int(slot) < slots.count ? slots[Int(slot)] : nil }
    }

    func find(_ id: MessageID) -> UInt32? { byID[id] }

    mutating func findOrMake(_ id: MessageID, recovered: Bool) -> UInt32 {
        if let slot = byID[id] { return slot }
        var body = SharedBody(id: id)
        body.recovered = recovered
        let slot: UInt32
        if let last = free.popLast() {
            slot = last
            slots[Int(slot)] = body
        } else {
            slot = UInt32(slots.count)
            slots.append(body)
        }
        byID[id] = slot
        return slot
    }

    mutating func retain(_ slot: UInt32) { slots[Int(slot)]?.references += 1 }

    /// Takes a reference back without dropping the body.
    mutating func unretain(_ slot: UInt32) { slots[Int(slot)]?.references -= 1 }

    /// True when nothing refers to the body any more.
    mutating func release(_ slot: UInt32) -> Bool {
        slots[Int(slot)]?.references -= 1
        return slots[Int(slot)]?.references == 0
    }

    /// Adds a piece; false when its number is there already (then the newer copy, met first, stays).
    mutating func add(_ chunk: ChunkPlace, to slot: UInt32) -> Bool {
        guard var chunks = slots[Int(slot)]?.chunks else { return false }
        slots[Int(slot)]?.chunks = []
        defer { slots[Int(slot)]?.chunks = chunks }
        let index = chunks.firstIndex { $0.sequence >= chunk.sequence } ?? chunks.count
        if index < chunks.count, chunks[index].sequence == chunk.sequence { return false }
        chunks.insert(chunk, at: index)
        return true
    }

    mutating func move(_ slot: UInt32, sequence: Int, to location: Location) {
        guard let index = slots[Int(slot)]?.chunks.firstIndex(where: { $0.sequence == sequence }) else { return }
        slots[Int(slot)]?.chunks[index].location = location
    }

    mutating func remove(_ slot: UInt32) -> SharedBody? {
        guard let body = slots[Int(slot)] else { return nil }
        slots[Int(slot)] = nil
        free.append(slot)
        byID[body.id] = nil
        return body
    }

    /// Bodies that recovery found and nothing refers to.
    func orphans() -> [UInt32] {
        byID.values.filter { slots[Int($0)]?.recovered == true && slots[Int($0)]?.references == 0 }
    }

    mutating func clearRecovered() {
        for slot in byID.values { slots[Int(slot)]?.recovered = false }
    }
}

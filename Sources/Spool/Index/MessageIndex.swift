import Message

/// The index of live messages: a slab of 48-byte entries and a hash of ids. *loop-confined* (behind the state's lock).
///
/// The slab grows by pages and the hash is split into 256 tables that grow one by one: with ten million messages no
/// single append ever pays for moving all of them. Together about 56 bytes a message.
final class MessageIndex {
    static let pageBits: UInt32 = 14
    private static let pageSize = 1 << Int(pageBits)

    private var pages: [UnsafeMutablePointer<IndexEntry>] = []
    private var used: UInt32 = 0
    // First in, first out: a slot rests as long as possible before its handle's bits come round again.
    private var freeHead: UInt32 = 0
    private var freeTail: UInt32 = 0
    private(set) var count = 0

    private struct Table {
        var slots: UnsafeMutablePointer<UInt32>
        var capacity: Int
        var count = 0
    }
    private var tables: [Table] = []

    init() {
        for _ in 0..<256 { tables.append(Self.makeTable(8)) }
    }

    deinit {
        for page in pages { page.deallocate() }
        for table in tables { table.slots.deallocate() }
    }

    private static func makeTable(_ capacity: Int) -> Table {
        let slots = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
        slots.initialize(repeating: 0, count: capacity)
        return Table(slots: slots, capacity: capacity)
    }

    private func pointer(_ slot: UInt32) -> UnsafeMutablePointer<IndexEntry> {
        pages[Int(slot >> Self.pageBits)] + Int(slot & (UInt32(Self.pageSize) - 1))
    }

    /// The entry in a slot that is in use.
    subscript(slot: UInt32) -> IndexEntry {
        get { pointer(slot).pointee }
        set { pointer(slot).pointee = newValue }
    }

    /// The entry behind a handle, nil when the handle is stale or was never given out.
    func entry(_ handle: SpoolHandle) -> IndexEntry? {
        guard handle.slot < used else { return nil }
        let entry = pointer(handle.slot).pointee
        return entry.state != .free && entry.generation == handle.generation ? entry : nil
    }

    func handle(_ slot: UInt32) -> SpoolHandle { SpoolHandle(slot: slot, generation: pointer(slot).pointee.generation) }

    private static func hash(_ id: MessageID) -> UInt64 {
        var h = id.high &* 0x9e37_79b9_7f4a_7c15 ^ id.low
        h ^= h >> 33
        h = h &* 0xff51_afd7_ed55_8ccd
        h ^= h >> 33
        h = h &* 0xc4ce_b9fe_1a85_ec53
        return h ^ (h >> 33)
    }

    func find(_ id: MessageID) -> UInt32? {
        let hash = Self.hash(id)
        let table = tables[Int(hash >> 56)]
        var i = Int(truncatingIfNeeded: hash) & (table.capacity - 1)
        while table.slots[i] != 0 {
            let slot = table.slots[i] - 1
            if pointer(slot).pointee.id == id { return slot }
            i = (i + 1) & (table.capacity - 1)
        }
        return nil
    }

    /// Takes a slot for a new id; the caller made sure the id is not there. nil when all 67 million slots are in use.
    func insert(_ id: MessageID) -> UInt32? {
        let slot: UInt32
        if freeHead != 0 {
            slot = freeHead - 1
            freeHead = pointer(slot).pointee.body
            if freeHead == 0 { freeTail = 0 }
        } else {
            guard used <= SpoolHandle.slotMask else { return nil }
            slot = used
            if Int(slot >> Self.pageBits) == pages.count {
                let page = UnsafeMutablePointer<IndexEntry>.allocate(capacity: Self.pageSize)
                page.initialize(repeating: IndexEntry(), count: Self.pageSize)
                pages.append(page)
            }
            used += 1
        }
        var entry = IndexEntry()
        entry.generation = pointer(slot).pointee.generation
        entry.id = id
        entry.state = .stored
        pointer(slot).pointee = entry
        count += 1
        let hash = Self.hash(id)
        let shard = Int(hash >> 56)
        if (tables[shard].count + 1) * 4 > tables[shard].capacity * 3 { grow(shard) }
        Self.place(slot, hash, in: tables[shard])
        tables[shard].count += 1
        return slot
    }

    private static func place(_ slot: UInt32, _ hash: UInt64, in table: Table) {
        var i = Int(truncatingIfNeeded: hash) & (table.capacity - 1)
        while table.slots[i] != 0 { i = (i + 1) & (table.capacity - 1) }
        table.slots[i] = slot + 1
    }

    private func grow(_ shard: Int) {
        let old = tables[shard]
        var new = Self.makeTable(old.capacity * 2)
        new.count = old.count
        for i in 0..<old.capacity where old.slots[i] != 0 {
            Self.place(old.slots[i] - 1, Self.hash(pointer(old.slots[i] - 1).pointee.id), in: new)
        }
        old.slots.deallocate()
        tables[shard] = new
    }

    func remove(_ slot: UInt32) {
        let hash = Self.hash(pointer(slot).pointee.id)
        let shard = Int(hash >> 56)
        let table = tables[shard]
        let mask = table.capacity - 1
        var hole = Int(truncatingIfNeeded: hash) & mask
        while table.slots[hole] != slot + 1 {
            if table.slots[hole] == 0 { return }
            hole = (hole + 1) & mask
        }
        // Backward shift instead of tombstones: the tables never fill with graves.
        var i = (hole + 1) & mask
        while table.slots[i] != 0 {
            let home = Int(truncatingIfNeeded: Self.hash(pointer(table.slots[i] - 1).pointee.id)) & mask
            if (i - home) & mask >= (i - hole) & mask {
                table.slots[hole] = table.slots[i]
                hole = i
            }
            i = (i + 1) & mask
        }
        table.slots[hole] = 0
        tables[shard].count -= 1
        let entry = pointer(slot)
        let generation = (entry.pointee.generation &+ 1) & 63
        entry.pointee = IndexEntry()
        entry.pointee.generation = generation
        if freeTail != 0 { pointer(freeTail - 1).pointee.body = slot + 1 } else { freeHead = slot + 1 }
        freeTail = slot + 1
        count -= 1
    }

    /// Calls with every live slot.
    func forEach(_ body: (UInt32) -> Void) {
        for slot in 0..<used where pointer(slot).pointee.state != .free { body(slot) }
    }
}

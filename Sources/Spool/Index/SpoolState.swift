import Message
import NIOCore

/// Everything the spool knows of its messages and segments; each method is one transition. *state machine*, always behind
/// one `Guarded`. The writer thread changes it after its records are on disk; recovery adds what it finds; readers look up.
struct SpoolState {
    var index = MessageIndex()
    var segments: [UInt32: Segment] = [:]
    var bodies = BodyTable()
    /// Drafts of durability `memory` by slot.
    var drafts: [UInt32: SpoolDraft] = [:]
    var draftBytes = 0
    /// How many drafts in memory carry the same body: it counts once.
    private var carriers: [MessageID: Int] = [:]
    /// Done marks recovery must respect: those found in newer segments and those written while it runs. nil: it does not run.
    var fates: [MessageID: DoneFate]?
    /// No segment is given up before recovery has seen them all.
    var recovered = false

    /// A done mark met during recovery. *value*.
    struct DoneFate {
        /// The segment that holds the mark; 0 when the message was never stored.
        var mark: UInt32
        var targets: [UInt32]
    }

    // MARK: Counting

    private func hold(_ location: Location) {
        guard let segment = segments[location.segment] else { return }
        segment.live += 1
        segment.liveBytes += Int(location.length)
    }

    private func release(_ location: Location) {
        guard let segment = segments[location.segment] else { return }
        segment.live -= 1
        segment.liveBytes -= Int(location.length)
    }

    private mutating func drop(body slot: UInt32) {
        guard let body = bodies.remove(slot) else { return }
        for chunk in body.chunks { release(chunk.location) }
    }

    /// Takes one reference back (slot plus one; 0 for none); without any the body is dropped.
    mutating func releaseBody(_ slotPlusOne: UInt32) {
        guard slotPlusOne != 0 else { return }
        if bodies.release(slotPlusOne - 1) { drop(body: slotPlusOne - 1) }
    }

    // MARK: Transitions

    /// A message record is on disk. Of an id that is live already the newer record counts (idempotent append).
    mutating func insert(_ id: MessageID, at location: Location, body: MessageID?, recovered: Bool = false) -> SpoolHandle? {
        if let slot = index.find(id) {
            let bodySlot = attach(body, recovered: recovered)
            moveMessage(slot, to: location)
            let old = index[slot].body
            index[slot].body = bodySlot
            releaseBody(old)
            return index.handle(slot)
        }
        guard let slot = index.insert(id) else { return nil }
        index[slot].location = location
        index[slot].body = attach(body, recovered: recovered)
        hold(location)
        return index.handle(slot)
    }

    private mutating func attach(_ body: MessageID?, recovered: Bool) -> UInt32 {
        guard let body else { return 0 }
        let slot = bodies.findOrMake(body, recovered: recovered)
        bodies.retain(slot)
        return slot + 1
    }

    /// Keeps a draft in memory only.
    mutating func insert(memory draft: SpoolDraft, body: MessageID?) -> SpoolHandle? {
        if index.find(draft.id) != nil { return nil }
        guard let slot = index.insert(draft.id) else { return nil }
        index[slot].state = .memory
        index[slot].body = attach(body, recovered: false)
        drafts[slot] = draft
        draftBytes += draft.weightWithoutBody
        switch draft.body {
        case .inline(let bytes): draftBytes += bytes.readableBytes
        case .inlineShared(let id, let bytes):
            carriers[id, default: 0] += 1
            if carriers[id] == 1 { draftBytes += bytes.readableBytes }
        case .shared: break
        }
        return index.handle(slot)
    }

    private mutating func removeDraft(_ slot: UInt32) {
        guard let draft = drafts.removeValue(forKey: slot) else { return }
        draftBytes -= draft.weightWithoutBody
        switch draft.body {
        case .inline(let bytes): draftBytes -= bytes.readableBytes
        case .inlineShared(let id, let bytes):
            carriers[id, default: 1] -= 1
            guard carriers[id] == 0 else { return }
            carriers[id] = nil
            draftBytes -= bytes.readableBytes
        case .shared: break
        }
    }

    /// The record of a memory draft, or the compacted copy of a message with its update merged in, is on disk.
    mutating func moveMessage(_ slot: UInt32, to location: Location) {
        let entry = index[slot]
        if entry.state == .memory {
            removeDraft(slot)
            index[slot].state = .stored
        } else {
            if entry.location.segment != location.segment {
                segments[location.segment]?.inherits.insert(entry.location.segment)
                if let older = segments[entry.location.segment]?.inherits {
                    segments[location.segment]?.inherits.formUnion(older)
                    segments[location.segment]?.inherits.remove(location.segment)
                }
            }
            release(entry.location)
            if !entry.update.isNone { release(entry.update) }
        }
        index[slot].location = location
        index[slot].update = .none
        index[slot].updateCarries = false
        hold(location)
    }

    /// A memory draft whose body has now become a shared one.
    mutating func attachBody(_ slot: UInt32, _ body: MessageID) {
        guard index[slot].body == 0 else { return }
        index[slot].body = attach(body, recovered: false)
    }

    /// An update record is on disk.
    mutating func setUpdate(_ slot: UInt32, at location: Location, carries: Bool) {
        let old = index[slot].update
        if !old.isNone { release(old) }
        index[slot].update = location
        index[slot].updateCarries = carries
        hold(location)
    }

    /// The segments a done mark for this message must name.
    func targets(_ entry: IndexEntry) -> [UInt32] {
        guard let segment = segments[entry.location.segment] else { return [entry.location.segment] }
        return segment.inherits.isEmpty ? [segment.sequence] : [segment.sequence] + segment.inherits
    }

    /// A done mark is on disk in segment `mark` (0: none was needed, the message was in memory only).
    mutating func finish(_ handle: SpoolHandle, mark: UInt32, targets: [UInt32]) {
        guard let entry = index.entry(handle) else { return }
        if entry.state == .memory {
            removeDraft(handle.slot)
        } else {
            release(entry.location)
            if !entry.update.isNone { release(entry.update) }
            pin(mark, targets)
            fates?[entry.id] = DoneFate(mark: mark, targets: targets)
        }
        index.remove(handle.slot)
        releaseBody(entry.body)
    }

    /// The done mark in `mark` is needed while one of `targets` exists.
    func pin(_ mark: UInt32, _ targets: [UInt32]) {
        guard let segment = segments[mark] else { return }
        for target in targets where target != mark && segments[target] != nil { segment.pins[target, default: 0] += 1 }
    }

    /// A piece of a body is on disk.
    mutating func addChunk(_ id: MessageID, _ chunk: ChunkPlace, recovered: Bool = false) {
        let slot = bodies.findOrMake(id, recovered: recovered)
        if bodies.add(chunk, to: slot) { hold(chunk.location) }
    }

    mutating func moveChunk(_ id: MessageID, sequence: Int, to location: Location) {
        guard let slot = bodies.find(id), let old = bodies[slot]?.chunks.first(where: { $0.sequence == sequence }) else { return }
        release(old.location)
        bodies.move(slot, sequence: sequence, to: location)
        hold(location)
    }

    /// Drops a body nothing refers to.
    mutating func abandon(_ id: MessageID) {
        guard let slot = bodies.find(id), bodies[slot]?.references == 0 else { return }
        drop(body: slot)
    }

    /// Drops recovered bodies without a message. Returns how many.
    mutating func dropOrphans() -> Int {
        let orphans = bodies.orphans()
        for slot in orphans { drop(body: slot) }
        bodies.clearRecovered()
        return orphans.count
    }

    /// The segment is durably no segment any more: marks against its copies are no longer needed.
    mutating func forget(_ sequence: UInt32) {
        segments[sequence] = nil
        for segment in segments.values {
            segment.pins[sequence] = nil
            segment.inherits.remove(sequence)
        }
    }

    /// A segment that nothing needs.
    func deadSegment() -> Segment? {
        guard recovered else { return nil }
        return segments.values.first { $0.isDead }
    }

    /// The sealed segment with the smallest live share below `percent`.
    func compactionCandidate(percent: Int, size: Int) -> Segment? {
        guard recovered else { return nil }
        var best: Segment?
        if let removed = segments.values.first(where: { $0.isRemoved && $0.sealed && !$0.isDead && !$0.keep }) { return removed }
        for segment in segments.values where segment.sealed && !segment.keep && !segment.isDead {
            guard segment.neededBytes * 100 < percent * size else { continue }
            if best.map({ segment.neededBytes < $0.neededBytes }) ?? true { best = segment }
        }
        return best
    }
}

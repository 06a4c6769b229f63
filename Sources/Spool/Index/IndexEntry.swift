import Message

/// Where a record is: segment sequence, offset, whole length. *value*. Sequence 0 means nowhere.
struct Location: Equatable {
    var segment: UInt32
    var offset: UInt32
    var length: UInt32
    static let none = Location(segment: 0, offset: 0, length: 0)
    var isNone: Bool { segment == 0 }
}

/// One live message in the index: 48 bytes. *value*.
struct IndexEntry {
    enum State: UInt8 {
        case free = 0
        case stored = 1
        case memory = 2
    }

    private var idHigh: UInt64 = 0
    private var idLow: UInt64 = 0
    private var offset: UInt32 = 0
    private var length: UInt32 = 0
    private var segment: UInt32 = 0
    private var updateOffset: UInt32 = 0
    private var updateLength: UInt32 = 0
    private var updateSegment: UInt32 = 0
    /// Slot of a shared body plus one, 0 for none. While the entry is free: next free slot plus one.
    var body: UInt32 = 0
    var state: State = .free
    var generation: UInt8 = 0
    /// The latest update carries meta or a queue, which a later update without them must keep.
    var updateCarries = false

    init() {}

    var id: MessageID {
        get { MessageID(high: idHigh, low: idLow) }
        set { (idHigh, idLow) = (newValue.high, newValue.low) }
    }
    var location: Location {
        get { Location(segment: segment, offset: offset, length: length) }
        set { (segment, offset, length) = (newValue.segment, newValue.offset, newValue.length) }
    }
    var update: Location {
        get { Location(segment: updateSegment, offset: updateOffset, length: updateLength) }
        set { (updateSegment, updateOffset, updateLength) = (newValue.segment, newValue.offset, newValue.length) }
    }
}

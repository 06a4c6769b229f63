/// What the spool knows of one segment in use. *loop-confined* (behind the state's lock).
final class Segment {
    let sequence: UInt32
    let life: UInt64
    let file: SegmentFile
    /// End of the last record.
    var used: Int
    /// No more records are written here.
    var sealed: Bool
    /// Records somebody needs: messages, their latest updates, chunks of live bodies.
    var live = 0
    var liveBytes = 0
    /// How many done marks here protect against copies in which other segment.
    var pins: [UInt32: Int] = [:]
    /// Older segments that may still hold copies of messages that live here (compaction, repeated append).
    var inherits: Set<UInt32> = []
    /// Never given up or compacted: holds damage that could not be copied to `corrupt/`, or could not be read.
    var keep = false
    /// Its file was removed while the node runs: what lives in it is copied forward before it is lost for good.
    var isRemoved = false

    init(sequence: UInt32, life: UInt64, file: SegmentFile, used: Int, sealed: Bool) {
        self.sequence = sequence
        self.life = life
        self.file = file
        self.used = used
        self.sealed = sealed
    }

    /// What compaction would have to copy: live records, and about a record for each mark that still protects something.
    var neededBytes: Int { liveBytes + pins.values.reduce(0, +) * 56 }

    var isDead: Bool { sealed && live == 0 && pins.isEmpty && !keep }
}

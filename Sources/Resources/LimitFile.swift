import Glibc
import Shaping

/// *Value*: what `limits.state` says: what was given out of the long rates, and by what clock.
///
///     64 bytes: magic, where the records end, up to when unknown rates may have been used, checksum
///     frames:   checksum, length, kind, content; the first names the boot, each other one holds a rate and both clocks
///
/// A record is appended, then the end in the first bytes is moved: what lies behind it was never answered for. So a file that was cut,
/// emptied or damaged anywhere before its end shows, and what a kill left behind the end does not matter.
struct LimitFile: Sendable {
    static let headSize = 64
    private static let magic = Array("apuslim1".utf8)
    /// Longer frames are never written.
    static let largestFrame = 1 << 20

    /// *Value*: the same moment by both clocks.
    struct Moment: Sendable, Equatable {
        /// Nanoseconds of the steady clock.
        package var monotonic: Int64
        /// Unix nanoseconds.
        package var wall: Int64
    }

    /// *Value*: which root a rate belongs to, and its name.
    package struct Key: Sendable, Hashable {
        /// Which root it is.
        package var root: UInt8
        /// The name of the rate.
        package var limit: LimitKey
    }

    var boot: String
    /// The newest moment in the file.
    var newest: Moment
    /// Up to when rates that are not in the file may have been used; nil for never.
    var lostAt: Int64?
    var rates: [Key: RateRecord] = [:]
    /// Where the next record goes.
    package var end = 0

    // MARK: Writing

    /// The first bytes.
    package static func head(end: Int, lostAt: Int64?) -> [UInt8] {
        var out = magic
        append(Int64(end), to: &out)
        append(lostAt ?? .min, to: &out)
        append(Int64(Checksum.of(out[...])), to: &out)
        return out + [UInt8](repeating: 0, count: headSize - out.count)
    }

    /// The frame that says of which boot the times are.
    static func bootFrame(_ boot: String, _ now: Moment) -> [UInt8] { frame(0, now) { $0.append(contentsOf: boot.utf8) } }

    /// The frame of one rate; nil when the name is too long to be written.
    static func frame(_ key: Key, _ record: RateRecord, _ now: Moment) -> [UInt8]? {
        guard key.limit.name.utf8.count < largestFrame / 2 else { return nil }
        return frame(1, now) { out in
            out.append(key.root)
            record.append(to: &out)
            out.append(contentsOf: key.limit.name.utf8)
        }
    }

    private static func frame(_ kind: UInt8, _ now: Moment, _ content: (inout [UInt8]) -> Void) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 8)
        out.append(kind)
        append(now.monotonic, to: &out)
        append(now.wall, to: &out)
        content(&out)
        withUnsafeBytes(of: UInt32(out.count - 8).littleEndian) { out.replaceSubrange(4..<8, with: $0) }
        withUnsafeBytes(of: Checksum.of(out[4...]).littleEndian) { out.replaceSubrange(0..<4, with: $0) }
        return out
    }

    private static func append(_ number: Int64, to out: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { out.append(contentsOf: $0) }
    }

    // MARK: Reading

    /// Reads a file; throws what is wrong with it, a short clause.
    package init(_ bytes: [UInt8]) throws(NodeError) {
        guard bytes.count >= Self.headSize, bytes.starts(with: Self.magic), let end = Self.number(bytes[8...]),
            let lost = Self.number(bytes[16...]), let sum = Self.number(bytes[24...]), sum == Int64(Checksum.of(bytes[..<24]))
        else { throw NodeError(bytes.isEmpty ? "it is empty" : "its first bytes are damaged") }
        guard end >= Self.headSize, end <= bytes.count else { throw NodeError("it was cut: \(bytes.count) bytes of \(end)") }
        self.end = Self.headSize
        lostAt = lost == .min ? nil : lost
        boot = ""
        newest = Moment(monotonic: .min, wall: .min)
        while self.end < bytes.count {
            guard take(bytes[self.end...]) else {
                // Behind the end a kill may have left anything; nothing there was answered for.
                if self.end >= end { break }
                throw NodeError("it is damaged at byte \(self.end)")
            }
        }
        guard !boot.isEmpty else { throw NodeError("it does not say of which boot it is") }
    }

    /// Takes the frame in front; false when there is no whole one.
    private mutating func take(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count >= 25, let length = Self.word(bytes.dropFirst(4)), length >= 17, Int(length) <= Self.largestFrame,
            bytes.count >= 8 + Int(length), let sum = Self.word(bytes)
        else { return false }
        let body = bytes.dropFirst(4).prefix(4 + Int(length))
        guard Checksum.of(body) == sum else { return false }
        var rest = body.dropFirst(4)
        guard let kind = rest.popFirst(), let monotonic = Self.number(rest), let wall = Self.number(rest.dropFirst(8)) else { return false }
        rest = rest.dropFirst(16)
        switch kind {
        case 0: boot = String(decoding: rest, as: UTF8.self)
        case 1:
            guard let root = rest.popFirst(), let record = RateRecord(from: &rest), let name = String(validating: rest, as: UTF8.self)
            else {
                return false
            }
            rates[Key(root: root, limit: LimitKey(name: name))] = record
        default: return false
        }
        if monotonic >= newest.monotonic { newest = Moment(monotonic: monotonic, wall: wall) }
        end += 8 + Int(length)
        return true
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.count >= 8 else { return nil }
        return Int64(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(as: Int64.self) })
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        guard bytes.count >= 4 else { return nil }
        return UInt32(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) })
    }
}

/// *Value*: CRC-32, the one of Ethernet and zlib.
private enum Checksum {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
    }

    /// The checksum of some bytes.
    package static func of(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBytes { bytes in
            var sum: UInt32 = ~0
            for byte in bytes { sum = table[Int((sum ^ UInt32(byte)) & 0xff)] ^ sum >> 8 }
            return ~sum
        }
    }
}

extension LimitFile {
    /// The rates by the clock of this boot, without those that do not matter any more.
    ///
    /// In the same boot the steady clock has gone on, whatever the wall clock did. After another boot the time between is what the wall clock
    /// says, and none when it was set back: then everything waits as if no time had passed.
    func adopted(boot now: String, at moment: Moment) -> (rates: [Key: RateRecord], lostAt: Int64?) {
        var offset: Int64 = 0
        if boot != now || moment.monotonic < newest.monotonic {
            let away = max(0, moment.wall.subtractingReportingOverflow(newest.wall).partialValue)
            offset = moment.monotonic &- away &- newest.monotonic
        }
        let moved = rates.mapValues { $0.shifted(by: offset) }.filter { !$0.value.isIdle(now: moment.monotonic) }
        return (moved, lostAt.map { $0 &+ offset })
    }
}

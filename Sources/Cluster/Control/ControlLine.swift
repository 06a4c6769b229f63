/// One line of the control file: `checksum type rest`. *Value.*
///
///     H apus-control 1                                     the format
///     P highest-version contact epoch event                how far the cluster was read ("-": not at all)
///     E 0|1 {json}                                         an entry or a tombstone; 1 = the cluster has not acknowledged it
///     A id version                                         the cluster has acknowledged it
///     D id version                                         it was dropped without a tombstone
///
/// Of several lines about one thing the later counts; so a change is one line more, and what is outdated goes when the file is
/// rewritten.
enum ControlLine: Equatable {
    case format
    case position(highest: Int64, contact: Int64, ControlPosition?)
    case entry(isPending: Bool, json: [UInt8])
    case acknowledged(id: String, version: Int64)
    case dropped(id: String, version: Int64)

    private static let formatText = "H apus-control 1"
    private static let hexadecimal: [UInt8] = Array("0123456789abcdef".utf8)
    /// The longest line there can be.
    static let most = ControlBounds.lineBytes + 64

    /// Appends the line with its checksum and its line feed.
    func append(to out: inout [UInt8]) {
        var body: [UInt8] = []
        switch self {
        case .format: body.append(contentsOf: Self.formatText.utf8)
        case .position(let highest, let contact, let position):
            body.append(contentsOf: "P \(highest) \(contact) \(position?.epoch ?? "-") ".utf8)
            body.append(contentsOf: position.map { $0.event.isEmpty ? "-" : $0.event }?.utf8 ?? "-".utf8)
        case .entry(let isPending, let json):
            body.append(contentsOf: isPending ? "E 1 ".utf8 : "E 0 ".utf8)
            body.append(contentsOf: json)
        case .acknowledged(let id, let version): body.append(contentsOf: "A \(id) \(version)".utf8)
        case .dropped(let id, let version): body.append(contentsOf: "D \(id) \(version)".utf8)
        }
        let sum = LineChecksum.of(body)
        for shift in stride(from: UInt32(28), through: 0, by: -4) { out.append(Self.hexadecimal[Int(sum >> shift & 15)]) }
        out.append(0x20)
        out.append(contentsOf: body)
        out.append(0x0a)
    }

    /// Whether a crash can have left these as the last bytes of a file: the beginning of a line without its line feed, and zeros where a
    /// page did not reach the disk.
    static func isTorn(_ tail: ArraySlice<UInt8>) -> Bool {
        guard let last = tail.lastIndex(where: { $0 != 0 }) else { return true }
        let begun = tail[...last]
        guard begun.count <= most else { return false }
        return begun.enumerated().allSatisfy { at, byte in
            switch at {
            case _ where byte == 0: true
            case ..<8: hexadecimal.contains(byte)
            case 8: byte == 0x20
            case 9: "HPEAD".utf8.contains(byte)
            default: byte >= 0x20 && byte != 0x7f
            }
        } && String(validating: begun.dropLast(partial(begun)), as: UTF8.self) != nil
    }

    /// How many bytes at the end are the beginning of a character that was cut.
    private static func partial(_ text: ArraySlice<UInt8>) -> Int {
        guard let lead = text.suffix(4).lastIndex(where: { $0 & 0xc0 != 0x80 }), text[lead] >= 0xc0 else { return 0 }
        let count = text.endIndex - lead
        return count < (text[lead] >= 0xf0 ? 4 : text[lead] >= 0xe0 ? 3 : 2) ? count : 0
    }

    /// Reads a line without its line feed; nil when it is damaged.
    init?(_ line: ArraySlice<UInt8>) {
        guard line.count > 10, line.count <= Self.most, line[line.startIndex + 8] == 0x20,
            // Only as they are written: a capital is a flipped bit.
            line.prefix(8).allSatisfy(Self.hexadecimal.contains), let text = String(validating: line.prefix(8), as: UTF8.self),
            let sum = UInt32(text, radix: 16)
        else { return nil }
        let body = line.dropFirst(9)
        guard LineChecksum.of(body) == sum else { return nil }
        if body.first == UInt8(ascii: "E") {
            guard body.count > 4, body.starts(with: "E 0 ".utf8) || body.starts(with: "E 1 ".utf8) else { return nil }
            self = .entry(isPending: body[body.startIndex + 2] == UInt8(ascii: "1"), json: Array(body.dropFirst(4)))
            return
        }
        let words = body.split(separator: 0x20, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        switch (words[0], words.count) {
        case ("H", 3):
            guard words[1] == "apus-control", words[2] == "1" else { return nil }
            self = .format
        case ("P", 5):
            guard let highest = Int64(words[1]), let contact = Int64(words[2]), highest >= 0 else { return nil }
            // Checked with some event; "-" stands for none.
            guard ControlPosition(epoch: words[3], event: words[4] == "-" ? "0-0" : words[4]).isValid else { return nil }
            let position = ControlPosition(epoch: words[3], event: words[4] == "-" ? "" : words[4])
            self = .position(highest: highest, contact: contact, words[3] == "-" ? nil : position)
        case ("A", 3), ("D", 3):
            guard let version = Int64(words[2]) else { return nil }
            self = words[0] == "A" ? .acknowledged(id: words[1], version: version) : .dropped(id: words[1], version: version)
        default: return nil
        }
    }
}

/// Keeps the value of one header field of a message that passes by in pieces.
///
/// *State machine*, pure. Holds at most `limit` bytes of the header block.
struct HeaderCapture {
    private static let limit = 64 << 10
    private let name: [UInt8]
    private var block: [UInt8] = []
    private var isComplete = false

    init(name: String) { self.name = name.lowercased().utf8 + [UInt8(ascii: ":")] }

    /// Forgets everything, for the next message.
    mutating func reset() {
        block.removeAll(keepingCapacity: true)
        isComplete = false
    }

    /// The next bytes of the message.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard !isComplete else { return }
        let start = max(0, block.count - 3)
        block.append(contentsOf: bytes.prefix(Self.limit - block.count))
        var at = start
        while at + 3 < block.count {
            if block[at] == 0x0D, block[at + 1] == 0x0A, block[at + 2] == 0x0D, block[at + 3] == 0x0A {
                block.removeSubrange((at + 2)...)
                isComplete = true
                return
            }
            at += 1
        }
        if block.count >= Self.limit { isComplete = true }
    }

    /// The field's value, unfolded and trimmed; empty if there is none.
    var value: [UInt8] {
        var at = 0
        while at < block.count {
            let end = block[at...].firstIndex(of: 0x0A).map { $0 + 1 } ?? block.count
            if matches(at) {
                var last = end
                while last < block.count, block[last] == 0x20 || block[last] == 0x09 {
                    last = block[last...].firstIndex(of: 0x0A).map { $0 + 1 } ?? block.count
                }
                let raw = block[(at + name.count)..<last].filter { $0 != 0x0D && $0 != 0x0A }
                let trimmed = raw.drop { $0 == 0x20 || $0 == 0x09 }
                let length = trimmed.reversed().drop { $0 == 0x20 || $0 == 0x09 }.count
                return Array(trimmed.prefix(length))
            }
            at = end
        }
        return []
    }

    private func matches(_ start: Int) -> Bool {
        guard block.count - start >= name.count else { return false }
        return zip(block[start...], name).allSatisfy { ($0 &- 0x41 < 26 ? $0 | 0x20 : $0) == $1 }
    }
}

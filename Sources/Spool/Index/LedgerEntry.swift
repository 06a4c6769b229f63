/// What the ledger knows of a segment in use. *value*.
struct LedgerEntry: Equatable {
    var life: UInt64
    /// So far at least its records were durable.
    var used: Int
}

/// What the text of a ledger says. *value*.
///
///     xxxxxxxx H apus-ledger 1 NODE EPOCH     the first line
///     xxxxxxxx + SEQUENCE LIFE USED           the segment is in use; of several lines the last counts
///     xxxxxxxx - SEQUENCE                     it is about to be given up
///
/// The file is filled up with zeros to a multiple of 64 KiB, so that a shorter file is known to be cut.
struct LedgerText {
    static let block = 64 << 10
    /// What lines after the first are made of, and the longest there can be.
    private static let letters = Array("0123456789abcdef +-".utf8)
    private static let mostBytes = line(.max, LedgerEntry(life: .max, used: .max)).utf8.count

    var node = ""
    var epoch: UInt64 = 0
    var entries: [UInt32: LedgerEntry] = [:]
    /// Why the file is not to be trusted to be whole.
    var flaw: String?
    /// Where the next line goes.
    var end = 0

    init() {}

    init(_ bytes: [UInt8]) {
        if bytes.isEmpty || bytes.count % Self.block != 0 { flaw = bytes.isEmpty ? "is empty" : "was cut to \(bytes.count) bytes" }
        let used = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        let lines = String(decoding: bytes[..<used], as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        var torn: Int?
        for (number, line) in lines.enumerated() where !line.isEmpty || number + 1 < lines.count {
            guard let text = CheckedLine.read(line), read(text, isFirst: number == 0) else {
                torn = torn ?? number
                continue
            }
            if torn != nil { flaw = flaw ?? "is damaged before line \(number + 1)" }
        }
        if node.isEmpty { flaw = flaw ?? "does not begin as it should" }
        if let torn, torn + 1 < lines.count || !Self.isTorn(lines[torn]) { flaw = flaw ?? "is damaged from line \(torn + 1) on" }
        end = torn == nil ? used : bytes.count
    }

    /// Whether a crash can have left these as the last bytes: the beginning of a line, without a line feed. A page that did not reach the
    /// disk leaves zeros in it.
    private static func isTorn(_ line: Substring) -> Bool {
        line.utf8.count <= mostBytes && line.utf8.allSatisfy { $0 == 0 || letters.contains($0) }
    }

    private mutating func read(_ text: String, isFirst: Bool) -> Bool {
        let words = text.split(separator: " ")
        switch (words.first ?? "", words.count) {
        case ("H", 5) where isFirst && words[1] == "apus-ledger" && words[2] == "1":
            node = String(words[3])
            epoch = UInt64(words[4]) ?? 0
        case ("+", 4):
            guard let sequence = UInt32(words[1]), let life = UInt64(words[2]), let used = Int(words[3]) else { return false }
            entries[sequence] = LedgerEntry(life: life, used: used)
        case ("-", 2):
            guard let sequence = UInt32(words[1]) else { return false }
            entries[sequence] = nil
        default: return false
        }
        return true
    }

    static func line(_ sequence: UInt32, _ entry: LedgerEntry) -> String { CheckedLine.make("+ \(sequence) \(entry.life) \(entry.used)") }

    /// The file that says this.
    var bytes: [UInt8] {
        var out = Array(CheckedLine.make("H apus-ledger 1 \(node) \(epoch)").utf8)
        for (sequence, entry) in entries.sorted(by: { $0.key < $1.key }) { out += Self.line(sequence, entry).utf8 }
        return out
    }
}

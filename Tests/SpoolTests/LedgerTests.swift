import Testing

@testable import Spool

@Suite struct LedgerTests {
    private func padded(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return bytes + [UInt8](repeating: 0, count: LedgerText.block - bytes.count)
    }

    private var head: String { CheckedLine.make("H apus-ledger 1 node-1 3") }

    @Test func readsBack() {
        var text = LedgerText()
        text.node = "node-1"
        text.epoch = 3
        text.entries = [1: LedgerEntry(life: 7, used: 900), 9: LedgerEntry(life: .max, used: 512)]
        let read = LedgerText(padded(String(decoding: text.bytes, as: UTF8.self)))
        #expect(
            read.flaw == nil && read.entries == text.entries && read.node == "node-1" && read.epoch == 3 && read.end == text.bytes.count)
    }

    @Test func theLastLineCounts() {
        let line = LedgerText.line
        let text = head + line(1, LedgerEntry(life: 7, used: 600)) + line(2, LedgerEntry(life: 8, used: 600))
        let more = text + line(1, LedgerEntry(life: 7, used: 800)) + CheckedLine.make("- 2")
        #expect(LedgerText(padded(more)).entries == [1: LedgerEntry(life: 7, used: 800)])
    }

    /// A crash cuts the last line anywhere; that is no flaw, and nothing is written behind the rest of it.
    @Test func aTornLineIsNoFlaw() {
        let whole = head + LedgerText.line(1, LedgerEntry(life: 7, used: 600))
        let last = LedgerText.line(2, LedgerEntry(life: 8, used: 600))
        for count in 0...last.utf8.count {
            let read = LedgerText(padded(whole + String(decoding: last.utf8.prefix(count), as: UTF8.self)))
            #expect(read.flaw == nil, "\(count)")
            #expect(read.entries[1] != nil && (read.entries[2] != nil) == (count >= last.utf8.count - 1), "\(count)")
        }
    }

    @Test func otherDamageIsAFlaw() {
        let whole = padded(head + LedgerText.line(1, LedgerEntry(life: 7, used: 600)) + CheckedLine.make("- 4"))
        #expect(LedgerText([]).flaw?.contains("empty") == true)
        #expect(LedgerText(Array(whole.dropLast())).flaw?.contains("cut") == true)
        #expect(LedgerText([UInt8](repeating: 0, count: LedgerText.block)).flaw != nil)
        for index in whole.indices.prefix(head.utf8.count + 18) {
            var wrong = whole
            wrong[index] ^= 0x15
            #expect(LedgerText(wrong).flaw != nil, "byte \(index)")
        }
    }

    /// Bytes behind the last line that no crash leaves there.
    @Test(arguments: [
        "\n", "\0\n", "\r\n", "hello", "hello\n", "\u{1}\u{2}\u{fffd}", "0000\n", "abc\nabc", "+ 1\n\n", CheckedLine.make("? 5"),
        String(repeating: "0", count: 80), String(CheckedLine.make("+ 5 6 7").dropFirst()),
        String(repeating: "\u{7f}\n\u{3}", count: 1_000),
    ])
    func bytesBehindTheLastLineAreAFlaw(more: String) {
        let line = LedgerText.line(1, LedgerEntry(life: 7, used: 600))
        let read = LedgerText(padded(head + line + more))
        #expect(read.flaw?.contains("from line 3") == true && read.entries.count == 1, "\(read.flaw ?? "whole")")
    }

    @Test func aChangedLastLineIsAFlaw() {
        let text = Array((head + LedgerText.line(1, LedgerEntry(life: 7, used: 600))).utf8)
        for index in head.utf8.count..<text.count {
            var wrong = text
            wrong[index] ^= 0x5a
            #expect(LedgerText(padded(String(decoding: wrong, as: UTF8.self))).flaw != nil, "byte \(index)")
        }
    }

    @Test(arguments: [MemoryDisk.Call.open, .allocate, .pwrite, .synchronize, .rename, .synchronizeDirectory], [5, 24, 28])
    func aLedgerThatCannotBeWrittenCostsNothing(call: MemoryDisk.Call, number: Int32) throws {
        let disk = MemoryDisk()
        disk.fail { made, path in made == call && (path.isEmpty || path.contains("LEDGER") || path == "/spool") ? number : nil }
        let ledger = Ledger.make(io: disk, directory: "/spool", node: "n", epoch: 1, entries: [:])
        ledger.note(1, life: 2, used: 512)
        ledger.forget(1)
        ledger.note(3, life: 4, used: 600)
        disk.fail(nil)
        ledger.synchronize()
        let read = try Ledger.read(io: disk, directory: "/spool")
        #expect(read?.flaw == nil && read?.entries == [3: LedgerEntry(life: 4, used: 600)])
    }

    @Test func itGrows() throws {
        let disk = MemoryDisk()
        let ledger = Ledger.make(io: disk, directory: "/spool", node: "n", epoch: 1, entries: [:])
        for round in 0..<4 { for n in UInt32(1)...900 { ledger.note(n, life: 5, used: 512 + round) } }
        for n in UInt32(1)...899 { ledger.forget(n) }
        #expect(try Ledger.read(io: disk, directory: "/spool")?.entries == [900: LedgerEntry(life: 5, used: 515)])
        #expect(disk.contents(of: "/spool/LEDGER")!.count % LedgerText.block == 0)
    }
}

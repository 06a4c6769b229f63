import CChecksum
import Message
import NIOCore
import Testing

@testable import Spool

@Suite struct FormatTests {
    @Test(arguments: [("123456789", UInt32(0xe306_9283)), ("", 0), ("a", 0xc1d0_4330)]) func checksum(text: String, expected: UInt32) {
        let bytes = Array(text.utf8)
        #expect(apus_crc32c(0, bytes, bytes.count) == expected)
        #expect(apus_crc32c_table(0, bytes, bytes.count) == expected)
    }

    @Test(arguments: 0..<50) func checksumCutAnywhere(seed: UInt64) {
        var random = SplitMix(seed)
        let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        let whole = apus_crc32c(0, bytes, bytes.count)
        #expect(whole == apus_crc32c_table(0, bytes, bytes.count), "seed \(seed)")
        let cut = Int.random(in: 0...bytes.count, using: &random)
        let first = apus_crc32c(0, bytes, cut)
        #expect(Array(bytes[cut...]).withUnsafeBytes { apus_crc32c(first, $0.baseAddress, $0.count) } == whole, "seed \(seed)")
    }

    @Test func indexEntryIsCompact() { #expect(MemoryLayout<IndexEntry>.stride == 48) }

    /// Any prefix and any single flipped byte of a valid segment is decoded without a trap.
    @Test(arguments: 0..<40) func fuzz(seed: UInt64) throws {
        var random = SplitMix(seed)
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        let handles = try machine.append([Sample.draft(seed + 1, size: 50), Sample.draft(seed + 2, size: 3000)]).get()
        machine.commit([
            .update(handles[0], UpdateRecord(attempts: 3, due: 4, lastReply: "x", queue: "q", meta: [("a", "b")])), .done(handles[1]),
        ])
        var bytes = Array(disk.contents(of: "/spool/segments/00000001.log")!.dropFirst(SegmentHeader.firstRecord))
        bytes.removeSubrange(Int.random(in: 1...bytes.count, using: &random)...)
        for _ in 0..<200 {
            var copy = bytes
            for _ in 0..<Int.random(in: 0...3, using: &random) where !copy.isEmpty {
                copy[Int.random(in: 0..<copy.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            copy.withUnsafeBytes { SpoolFuzzing.record($0) }
            let start = Int.random(in: 0...copy.count, using: &random)
            copy[start...].withUnsafeBytes { SpoolFuzzing.record($0) }
        }
    }

    /// A payload cut at any byte decodes to nothing instead of to something else.
    @Test func cutPayloadsAreRefused() {
        let buffer = RecordBuffer()
        let headers = Array("Subject: x\r\n\r\n".utf8)
        headers.withUnsafeBytes { headers in
            MessageRecord.encode(envelope: Sample.envelope(5), headers: headers, shared: nil, bodyLength: 14, body: headers, into: buffer)
        }
        for cut in 0..<buffer.count { #expect(MessageRecord.decode(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<cut])) == nil) }
        let update = RecordBuffer()
        UpdateRecord(attempts: 1, due: 2, lastReply: "r", queue: "q", meta: [("k", "v")]).encode(into: update)
        for cut in 0..<update.count { #expect(UpdateRecord.decode(UnsafeRawBufferPointer(rebasing: update.bytes[..<cut])) == nil) }
    }

    @Test(arguments: 0..<20) func indexAgainstDictionary(seed: UInt64) {
        var random = SplitMix(seed)
        let index = MessageIndex()
        var model: [MessageID: SpoolHandle] = [:]
        var stale: [SpoolHandle] = []
        for _ in 0..<4000 {
            let id = MessageID(high: UInt64.random(in: 0...3, using: &random), low: UInt64.random(in: 0...400, using: &random))
            if let handle = model[id] {
                #expect(index.find(id) == handle.slot)
                if random.chance(60) {
                    index.remove(handle.slot)
                    model[id] = nil
                    stale.append(handle)
                }
            } else {
                #expect(index.find(id) == nil)
                model[id] = index.handle(index.insert(id)!)
            }
        }
        #expect(index.count == model.count)
        for (id, handle) in model { #expect(index.entry(handle)?.id == id) }
        for handle in stale.suffix(50) where !model.values.contains(handle) { #expect(index.entry(handle) == nil) }
    }
}

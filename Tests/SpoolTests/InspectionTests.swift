import Glibc
import Message
import Testing

@testable import Spool

@Suite struct InspectionTests {
    @Test func looksWithoutTouching() throws {
        let folder = Folder()
        let spool = try folder.open()
        _ = spool.recovered()
        let handles = try spool.appended((UInt64(1)...10).map { Sample.draft($0, size: 3000) }).get()
        spool.done(handles[0])
        spool.update(handles[1], attempts: 2, due: 3, lastReply: "later")
        let path = folder.options().directory
        // A running node is looked at all the same.
        #expect(SpoolInspection.isInUse(path))
        let live = try SpoolInspection.check(path)
        #expect(live.isWhole && live.messages >= 9, "\(live)")
        spool.close()
        #expect(!SpoolInspection.isInUse(path))
        let segment = path + "/segments/00000001.log"
        let fd = open(segment, O_RDWR)
        var byte: UInt8 = 0
        let target = 512 + 3000 * 4
        #expect(pread(fd, &byte, 1, off_t(target)) == 1)
        byte ^= 0x40
        #expect(pwrite(fd, &byte, 1, off_t(target)) == 1)
        close(fd)
        let report = try SpoolInspection.check(path)
        #expect(report.messages == 8 && report.finished == 1 && report.segments == 1 && report.damage.count == 1, "\(report)")
        #expect(try SystemIO().list(path + "/corrupt").isEmpty, "inspection wrote")
        var listed: [UInt64: SpoolListing] = [:]
        try SpoolInspection.list(path) { listed[$0.id.low] = $0 }
        #expect(listed.count == 8 && listed[2]?.envelope.attempts == 2)
        #expect(try SpoolInspection.message(path, id: Sample.id(9))?.body.inlineBytes == Sample.body(9, 3000))
        #expect(try SpoolInspection.message(path, id: Sample.id(1)) == nil)
    }

    @Test func notASpool() {
        let folder = Folder()
        #expect(throws: SpoolError.self) { try SpoolInspection.check(folder.path) }
    }
}

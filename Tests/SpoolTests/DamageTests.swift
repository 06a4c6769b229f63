import Glibc
import Message
import NIOCore
import Telemetry
import Testing

@testable import Spool

/// What can be done to a file behind the back of a node. *value*.
enum Harm: String, CaseIterable, Sendable {
    case emptied, halved, cutShort, zeroed, garbage, removed, directory, pipe, dangling, renamed, longer

    func inflict(on path: String) {
        switch self {
        case .emptied: truncate(path, 0)
        case .halved: truncate(path, off_t(size(path) / 2))
        case .cutShort: truncate(path, off_t(max(0, size(path) - 1)))
        case .zeroed: fill(path, 0)
        case .garbage: fill(path, 0x5a)
        case .removed: unlink(path)
        case .directory:
            unlink(path)
            mkdir(path, 0o755)
        case .pipe:
            unlink(path)
            mkfifo(path, 0o600)
        case .dangling:
            unlink(path)
            symlink("/nowhere/at/all", path)
        case .renamed: rename(path, path + ".bak")
        case .longer:
            let fd = open(path, O_WRONLY | O_APPEND)
            _ = write(fd, "trailing garbage", 16)
            close(fd)
        }
    }

    private func size(_ path: String) -> Int {
        var info = stat()
        return stat(path, &info) == 0 ? Int(info.st_size) : 0
    }

    private func fill(_ path: String, _ byte: UInt8) {
        let fd = open(path, O_WRONLY)
        let bytes = [UInt8](repeating: byte, count: max(size(path), 1))
        _ = pwrite(fd, bytes, bytes.count, 0)
        close(fd)
    }
}

/// Every file of the directory times every harm: noticed, counted, named, kept, and all other mail is there.
@Suite struct DamageTests {
    static let files = ["segments/00000001.log", "segments/00000002.log", "segments/00000003.log", "LEDGER", "OWNER", "LOCK"]
    static let table = files.flatMap { file in Harm.allCases.map { (file, $0) } }

    /// A spool with three segments of mail: 1...30 in the first, 31...60 in the second, 61...70 in the third. `killed`: its node went down
    /// without a word.
    private func filled(_ folder: Folder, killed: Bool) throws {
        let spool = try folder.open { $0.segmentSize = 128 << 10 }
        _ = spool.recovered()
        for n in UInt64(1)...70 { _ = try spool.appended([Sample.draft(n, size: 4000)]).get() }
        #expect(spool.segmentCount == 3)
        guard killed else { return spool.close() }
        // What kill -9 leaves: the same files, while nobody said goodbye.
        let path = folder.options().directory
        system_("cp -a '\(path)' '\(path).dead'")
        spool.close()
        system_("rm -rf '\(path)' && mv '\(path).dead' '\(path)'")
    }

    private func system_(_ command: String) {
        guard let pipe = popen(command, "r") else { return }
        pclose(pipe)
    }

    /// The messages of a segment.
    private func numbers(_ file: String) -> Set<UInt64> {
        switch file {
        case "segments/00000001.log": Set(1...31)
        case "segments/00000002.log": Set(30...62)
        case "segments/00000003.log": Set(60...70)
        default: []
        }
    }

    @Test(arguments: table, [false, true]) func everyHarm(_ entry: (file: String, harm: Harm), killed: Bool) throws {
        let folder = Folder()
        try filled(folder, killed: killed)
        let path = folder.options().directory
        let untouched = try SpoolInspection.check(path)
        #expect(untouched.isWhole, "\(untouched)")
        entry.harm.inflict(on: path + "/" + entry.file)
        let isHarmless = entry.file == "LOCK" && [.emptied, .halved, .cutShort].contains(entry.harm)  // it is empty anyway

        let before = try SpoolInspection.check(path)
        if !isHarmless {
            #expect(!before.isWhole && before.damage.contains { $0.contains(entry.file.split(separator: "/").last!) }, "\(before)")
        }

        let registry = MetricRegistry()
        let spool = try Spool.reopened(folder.options { $0.segmentSize = 128 << 10 }, metrics: registry)
        let (found, summary) = spool.recovered()
        let present = Set(found.map(\.id.low))
        #expect(present.isSuperset(of: Set(1...70).subtracting(numbers(entry.file))), "lost \(Set(1...70).subtracting(present).sorted())")
        if entry.harm == .renamed || entry.harm == .longer { #expect(present == Set(1...70)) }
        for message in found { _ = try spool.message(message.handle).get() }
        if !isHarmless {
            #expect(spool.damages.contains { $0.file == entry.file || $0.file.hasSuffix("00000001.log") }, "\(spool.damages)")
            #expect(summary.damagedFiles + summary.corruptRecords > 0, "\(summary)")
            let metrics = String(decoding: registry.render(prefix: "spool_"), as: UTF8.self)
            #expect(
                !metrics.contains("spool_damaged_files_total 0\n") || !metrics.contains("spool_corrupt_records_total 0\n"), "\(metrics)")
            #expect(try !SystemIO().list(path + "/corrupt").isEmpty)
            let isLost = !present.isSuperset(of: Set(1...70))
            if isLost {
                #expect(summary.corruptRecords > 0 && !metrics.contains("spool_corrupt_records_total 0\n"), "\(summary)")
            }
        }
        // It takes mail, and keeps it.
        _ = try spool.appended([Sample.draft(100, size: 100)]).get()
        spool.close()
        let again = try folder.open { $0.segmentSize = 128 << 10 }
        #expect(Set(again.recovered().found.map(\.id.low)) == present.union([100]))
        again.close()
    }

    @Test(arguments: [UInt64(1), 35, 70], [1, 40, 100, 2000]) func aSegmentCutInTheMiddleOfARecordIsCounted(number: UInt64, into: Int)
        throws
    {
        let folder = Folder()
        try filled(folder, killed: true)
        let path = folder.options().directory
        var place = Location.none
        try SpoolInspection.list(path) { entry in
            if entry.id.low == number { place = Location(segment: UInt32(entry.segment), offset: UInt32(entry.offset), length: 0) }
        }
        truncate("\(path)/segments/\(SegmentName.active(place.segment))", off_t(Int(place.offset) + into))
        #expect(try !SpoolInspection.check(path).isWhole)
        let spool = try folder.open { $0.segmentSize = 128 << 10 }
        let (found, summary) = spool.recovered()
        #expect(summary.corruptRecords >= 1 && summary.damagedFiles >= 1 && !found.contains { $0.id.low == number }, "\(summary)")
        #expect(Set(found.map(\.id.low)).isSuperset(of: 1..<number))
        spool.close()
    }

    @Test func aCopyOfASegmentUnderAnotherNumberIsMovedAway() throws {
        for name in ["00000009.log", "free-00000009.log", "00000000002.log"] {
            let folder = Folder()
            try filled(folder, killed: false)
            let path = folder.options().directory
            system_("cp '\(path)/segments/00000001.log' '\(path)/segments/\(name)'")
            #expect(try SpoolInspection.check(path).damage.contains { $0.contains(name) && $0.contains("another copy") }, "\(name)")
            let spool = try folder.open { $0.segmentSize = 128 << 10 }
            #expect(spool.recovered().found.count == 70)
            #expect(access("\(path)/corrupt/\(name)", F_OK) == 0)
            spool.close()
        }
    }

    @Test func aSegmentUnderAnyOtherNameIsFound() throws {
        for name in ["00000007.log", "free-00000007.log", "segment one", "00000001.log~", "00000001.LOG"] {
            let folder = Folder()
            try filled(folder, killed: false)
            let path = folder.options().directory
            rename("\(path)/segments/00000001.log", "\(path)/segments/\(name)")
            let spool = try folder.open { $0.segmentSize = 128 << 10 }
            let (found, summary) = spool.recovered()
            #expect(found.count == 70 && summary.damagedFiles == 1 && summary.corruptRecords == 0, "\(name): \(summary)")
            #expect(spool.damages.first?.what.contains(name) == true)
            #expect(access("\(path)/segments/00000001.log", F_OK) == 0)
            spool.close()
        }
    }

    @Test func aLinkToASegmentIsRead() throws {
        let folder = Folder()
        try filled(folder, killed: false)
        let path = folder.options().directory
        rename("\(path)/segments/00000001.log", "\(folder.path)/elsewhere")
        symlink("\(folder.path)/elsewhere", "\(path)/segments/00000001.log")
        let spool = try folder.open { $0.segmentSize = 128 << 10 }
        #expect(spool.recovered().found.count == 70 && spool.damages.first?.what.contains("link") == true)
        spool.close()
    }

    @Test(arguments: ["segments", "corrupt"]) func afileInPlaceOfADirectory(_ name: String) throws {
        let folder = Folder()
        try filled(folder, killed: false)
        let path = folder.options().directory
        system_("rm -rf '\(path)/\(name)'; echo x > '\(path)/\(name)'")
        let spool = try folder.open { $0.segmentSize = 128 << 10 }
        let (found, summary) = spool.recovered()
        #expect(found.count == (name == "segments" ? 0 : 70) && summary.damagedFiles > 0, "\(summary)")
        if name == "segments" { #expect(summary.corruptRecords == 3) }
        spool.close()
    }

    @Test func allSegmentsRemoved() throws {
        let folder = Folder()
        try filled(folder, killed: true)
        let path = folder.options().directory
        system_("rm -rf '\(path)/segments'")
        let spool = try folder.open { $0.segmentSize = 128 << 10 }
        #expect(spool.recovered().summary.corruptRecords == 3)
        spool.close()
    }

    /// Copies the files of a living spool to `<path>.dead`. While they change, as when segments are recycled in the background, a copy is of no one
    /// moment, and tears as no crash does: it is made again.
    private func copyAsKilled(_ path: String) {
        let look = "ls -lR --time-style=+%s.%N '\(path)'; cat '\(path)/LEDGER'"
        system_(
            """
            rm -rf '\(path).dead'
            for n in $(seq 500); do
              a=$(\(look)); sleep 0.02; b=$(\(look)); [ "$a" = "$b" ] || continue
              rm -rf '\(path).dead'; cp -a '\(path)' '\(path).dead'; [ "$(\(look))" = "$a" ] && exit
            done
            rm -rf '\(path).dead'
            """)
        #expect(access(path + ".dead", F_OK) == 0, "the files never stood still")
    }

    /// What crashes and clean starts leave is no damage, whenever they come.
    @Test(arguments: 0..<8) func noFalseAlarms(round: UInt64) throws {
        let folder = Folder()
        let path = folder.options().directory
        for life in 0..<5 {
            let registry = MetricRegistry()
            let spool = try Spool.reopened(
                folder.options {
                    $0.segmentSize = 64 << 10
                    $0.spareSegments = 1
                    $0.maxFreeSegments = 2
                }, metrics: registry)
            let (found, summary) = spool.recovered()
            #expect(summary.corruptRecords == 0 && summary.damagedFiles == 0 && spool.damages.isEmpty, "\(summary) \(spool.damages)")
            let first = UInt64(life * 100)
            for n in first..<(first + round * 7 + 3) {
                let handle = try spool.appended([Sample.draft(n, size: 3000)]).get()[0]
                if n % 3 != 0 { spool.done(handle) }
            }
            for message in found { spool.done(message.handle) }
            spool.awaitBarrier()
            copyAsKilled(path)
            spool.close()
            let report = try SpoolInspection.check(path)
            #expect(report.isWhole, "life \(life): \(report)")
            if life % 2 == 1 { system_("rm -rf '\(path)' && mv '\(path).dead' '\(path)'") }
        }
    }

    @Test func anOldSpoolOpens() throws {
        let folder = Folder()
        try filled(folder, killed: false)
        let path = folder.options().directory
        // As earlier versions left it.
        unlink(path + "/LEDGER")
        system_("printf 'node-1 1\\n' > '\(path)/OWNER'")
        #expect(try SpoolInspection.check(path).isWhole)
        let spool = try folder.open { $0.segmentSize = 128 << 10 }
        let (found, summary) = spool.recovered()
        #expect(found.count == 70 && summary.damagedFiles == 0 && summary.corruptRecords == 0)
        spool.close()
        unlink(path + "/segments/00000001.log")
        #expect(try !SpoolInspection.check(path).isWhole)
    }

    @Test func corruptIsBounded() throws {
        let disk = MemoryDisk()
        let store = SpoolStore(options: Machine.options(), io: disk, metrics: MetricRegistry())
        let bytes = [UInt8](repeating: 1, count: 300 << 20)
        let results = (0..<5).map { n in
            bytes.withUnsafeBytes {
                store.quarantine(segment: 1, damage: .init(offset: n, length: $0.count, reason: "x", atEnd: false), bytes: $0)
            }
        }
        #expect(results.map { $0 == .copied } == [true, true, true, false, false])
    }
}

import Glibc
import Synchronization
import Testing

@testable import Telemetry

@Suite struct LogSegmentTests {
    private static let second: Int64 = 1_000_000_000
    private static let start: Int64 = 1_767_225_600_000_000_000

    private func at(_ seconds: Double) -> LogInstant {
        let offset = Int64(seconds * 1e9)
        return LogInstant(wall: Self.start + offset, monotonic: 5 + offset)
    }

    private func segment(
        _ directory: TemporaryDirectory, suffix: String = "", size: Int = 1_000_000_000, duration: Duration? = nil,
        write: @escaping LogFileWrite = { Glibc.write($0, $1.baseAddress, $1.count) }
    ) -> LogSegment {
        var options = LogDirectoryOptions(directory: directory.path)
        options.maxFileSize = size
        options.maxSegmentDuration = duration
        return LogSegment(directory: directory.path, suffix: suffix, options: options, write: write)
    }

    private func line(_ n: Int) -> [UInt8] { Array("{\"id\":\"id-\(n)\"}\n".utf8) }

    @Test func aCrashLosesAtMostTheLastSecond() {
        let directory = TemporaryDirectory()
        var log: LogSegment? = segment(directory)
        for n in 0..<100 { #expect(log?.append(line(n), at: at(0)) == true) }
        #expect(log?.nextService == at(1).monotonic)
        log?.service(at: at(0.9))
        #expect(directory.files.isEmpty)
        log?.service(at: at(1))
        #expect(log?.nextService == nil)
        #expect(log?.append(line(100), at: at(1.1)) == true)
        log = nil  // the crash: nothing is finished
        #expect(directory.files == ["20260101-000000.000000000"])
        #expect(directory.mode(directory.files[0]) == 0o644)
        let torn = directory.contents(directory.files[0])
        #expect(ids(Zstd.lines(torn)) == Array(0..<100))
        #expect(!Zstd.decompress(torn).isComplete)

        #expect(LogDirectory.closeLeftovers(in: directory.path) == 1)
        #expect(directory.mode(directory.files[0]) == 0o444)
        #expect(LogDirectory.closeLeftovers(in: directory.path) == 0)
    }

    /// A process without descriptors keeps its records and writes them when there is one again.
    @Test(arguments: [EMFILE, ENFILE, ENOMEM, ENOSPC]) func withoutDescriptorsItWaits(number: Int32) {
        let directory = TemporaryDirectory()
        let isShort = Mutex(true)
        let log = LogSegment(
            directory: directory.path, suffix: "", options: LogDirectoryOptions(directory: directory.path),
            write: { Glibc.write($0, $1.baseAddress, $1.count) },
            openNew: { path in
                guard isShort.withLock({ $0 }) else { return LogSegment.openNew(path) }
                errno = number
                return -1
            })
        for n in 0..<10 { #expect(log.append(line(n), at: at(0))) }
        #expect(!log.service(at: at(1)))
        #expect(!log.finish())
        #expect(!log.append(line(10), at: at(2)))
        isShort.withLock { $0 = false }
        #expect(log.append(line(10), at: at(3)))
        #expect(log.finish())
        #expect(directory.files.sorted().flatMap { ids(Zstd.lines(directory.contents($0))) } == Array(0...10))
    }

    @Test func leavesLivingSegmentsAndForeignFilesAlone() {
        let directory = TemporaryDirectory()
        let log = segment(directory, suffix: ".live")
        _ = log.append(line(0), at: at(0))
        log.service(at: at(1))
        directory.write("notes.txt", [1])
        directory.write("20250101-000000.000000001.dead", [])
        symlink(directory.path + "/notes.txt", directory.path + "/20250101-000000.000000002")
        #expect(LogDirectory.closeLeftovers(in: directory.path) == 1)
        #expect(directory.mode("20250101-000000.000000001.dead") == 0o444)
        #expect(directory.mode("notes.txt") == 0o644)
        #expect(directory.mode("20260101-000000.000000000.live") == 0o644)
        #expect(log.finish())
        #expect(directory.mode("20260101-000000.000000000.live") == 0o444)
    }

    @Test func rotatesBySize() {
        let directory = TemporaryDirectory()
        let log = segment(directory, size: 100)
        for n in 0..<20 { #expect(log.append(line(n), at: at(Double(n)))) }
        #expect(log.finish())
        #expect(directory.files.count == 3)
        #expect(directory.files.flatMap { ids(Zstd.lines(directory.contents($0))) } == Array(0..<20))
        for file in directory.files {
            #expect(directory.mode(file) == 0o444)
            #expect(Zstd.decompress(directory.contents(file)).isComplete)
        }
    }

    @Test func rotatesByAge() {
        let directory = TemporaryDirectory()
        let log = segment(directory, duration: .seconds(10))
        _ = log.append(line(0), at: at(0))
        log.service(at: at(2))
        #expect(log.nextService == at(10).monotonic)
        log.service(at: at(9.9))
        #expect(directory.mode(directory.files[0]) == 0o644)
        log.service(at: at(10))
        #expect(directory.mode(directory.files[0]) == 0o444)
        #expect(log.nextService == nil)
        _ = log.append(line(1), at: at(11))
        #expect(log.finish())
        #expect(directory.files == ["20260101-000000.000000000", "20260101-000011.000000000"])
    }

    @Test func twoSegmentsOfOneInstantGetTwoNames() {
        let directory = TemporaryDirectory()
        let log = segment(directory, size: 1)
        for n in 0..<3 { #expect(log.append(line(n), at: at(0))) }
        #expect(directory.files == ["20260101-000000.000000000", "20260101-000000.000000001", "20260101-000000.000000002"])
    }

    @Test func stallsWithoutLossWhileTheDirectoryIsGone() {
        let directory = TemporaryDirectory()
        let log = segment(directory)
        rmdir(directory.path)
        #expect(log.append(line(0), at: at(0)))
        #expect(!log.service(at: at(1)))
        #expect(!log.finish())
        #expect(!log.append(line(1), at: at(2)))
        mkdir(directory.path, 0o755)
        #expect(log.append(line(1), at: at(3)))
        #expect(log.finish())
        #expect(directory.files.flatMap { ids(Zstd.lines(directory.contents($0))) } == [0, 1])
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func shortAndFailedWritesLoseNothing(_ seed: UInt64) {
        let directory = TemporaryDirectory()
        let random = Mutex(SeededGenerator(seed: seed))
        let log = segment(directory, size: 20_000) { file, bytes in
            let fate = random.withLock { Int.random(in: 0..<10, using: &$0) }
            switch fate {
            case 0:
                errno = ENOSPC
                return -1
            case 1:
                errno = EINTR
                return -1
            case 2...5:
                let count = random.withLock { Int.random(in: 1...bytes.count, using: &$0) }
                return Glibc.write(file, bytes.baseAddress, count)
            default: return Glibc.write(file, bytes.baseAddress, bytes.count)
            }
        }
        var next = 0
        for step in 0..<4_000 {
            if log.append(line(next), at: at(Double(step) / 10)) { next += 1 }
            log.service(at: at(Double(step) / 10))
        }
        while !log.finish() {}
        let found = directory.files.flatMap { ids(Zstd.lines(directory.contents($0))) }
        #expect(found == Array(0..<next), "seed \(seed)")
        #expect(next > 3_000)
    }

    @Test(arguments: [
        ("10%", FreeSpaceFloor.percent(10)), ("0%", .percent(0)), ("12.5%", .percent(12.5)), ("5000", .absolute(5_000)),
    ])
    func readsFloors(_ text: String, _ expected: FreeSpaceFloor) { #expect(FreeSpaceFloor(text) == expected) }

    @Test(arguments: ["", "%", "101%", "-1%", "-5", "1.5", "ten", "10 %x"])
    func refusesFloors(_ text: String) { #expect(FreeSpaceFloor(text) == nil) }

    @Test func comparesFloors() {
        #expect(FreeSpaceFloor.percent(10).isSatisfied(free: 10, total: 100))
        #expect(!FreeSpaceFloor.percent(10).isSatisfied(free: 9, total: 100))
        #expect(FreeSpaceFloor.absolute(9).isSatisfied(free: 9, total: 100))
        #expect(!FreeSpaceFloor.absolute(10).isSatisfied(free: 9, total: 100))
        #expect(FreeSpaceFloor.percent(10).isSatisfied(free: 0, total: 0))
    }
}

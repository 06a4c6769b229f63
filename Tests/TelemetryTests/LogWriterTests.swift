import Glibc
import JSON
import Platform
import Synchronization
import Testing

@testable import Telemetry

@Suite struct LogWriterTests {
    private func options(_ directory: TemporaryDirectory) -> LogDirectoryOptions {
        var options = LogDirectoryOptions(directory: directory.path + "/a/b")
        options.minFreeSpace = .absolute(0)
        options.minFreeInodes = .absolute(0)
        return options
    }

    private func all(_ directory: TemporaryDirectory, _ folder: String) -> [String] {
        let list = TemporaryDirectoryView(path: directory.path + folder).files
        return list.flatMap { Zstd.lines(directory.contents(folder + "/" + $0)) }
    }

    @Test func writesEveryRecordOfManyThreads() async throws {
        let directory = TemporaryDirectory()
        let metrics = MetricRegistry()
        let writer = try LogWriter(destination: .directory(options(directory)), metrics: metrics)
        #expect(writer.hasSpace)
        await withTaskGroup(of: Void.self) { group in
            for part in 0..<4 { group.addTask { for n in 0..<2_500 { writer.submit(.sample(part * 2_500 + n)) } } }
        }
        writer.close()
        writer.close()
        let lines = all(directory, "/a/b")
        #expect(ids(lines).sorted() == Array(0..<10_000))
        #expect(lines.allSatisfy(JSONScanner.isValid))
        #expect(metrics.counter("log_records_lost", "", labels: ["logger"]).with("local").value == 0)
        writer.submit(.sample(0))
        #expect(metrics.counter("log_records_lost", "", labels: ["logger"]).with("local").value == 1)
    }

    @Test func filesRecordsByType() throws {
        let directory = TemporaryDirectory()
        var options = options(directory)
        options.perRecord = [
            .bounce: LogFileRule(suffix: ".bounce"), .rejection: LogFileRule(directory: directory.path + "/r"),
            .delayed: LogFileRule(enable: false),
        ]
        let writer = try LogWriter(destination: .directory(options), metrics: MetricRegistry())
        for (n, type) in [LogRecordType.delivery, .bounce, .rejection, .delayed, .reception].enumerated() {
            writer.submit(.sample(n, type: type))
        }
        writer.close()
        let files = TemporaryDirectoryView(path: directory.path + "/a/b").files
        #expect(files.count == 2)
        let bounces = try #require(files.first { $0.hasSuffix(".bounce") })
        #expect(ids(Zstd.lines(directory.contents("a/b/" + bounces))) == [1])
        #expect(ids(all(directory, "/a/b")).sorted() == [0, 1, 4])
        #expect(ids(all(directory, "/r")) == [2])
    }

    @Test func refusesUnusableOptions() {
        let directory = TemporaryDirectory()
        directory.write("file", [])
        #expect(throws: TelemetryError.self) {
            try LogWriter(destination: .directory(LogDirectoryOptions(directory: directory.path + "/file")), metrics: MetricRegistry())
        }
        #expect(throws: TelemetryError.self) {
            try LogWriter(destination: .directory(LogDirectoryOptions(directory: "")), metrics: MetricRegistry())
        }
        var options = options(directory)
        options.anyRecord.suffix = "../x"
        #expect(throws: TelemetryError.self) { try LogWriter(destination: .directory(options), metrics: MetricRegistry()) }
    }

    @Test func saysWhenTheVolumeIsTooFull() throws {
        let directory = TemporaryDirectory()
        var options = options(directory)
        options.minFreeSpace = .absolute(.max)
        let writer = try LogWriter(destination: .directory(options), metrics: MetricRegistry())
        #expect(!writer.hasSpace)
        writer.close()
    }

    @Test func isCongestedWhileTheDestinationHangsAndLosesNothingBelowTheByteBound() throws {
        let metrics = MetricRegistry()
        let gate = Mutex(())
        let seen = Mutex<[String]>([])
        let entered = try Wakeup()
        let writer = try LogWriter(
            destination: .function { records in
                entered.signal()
                gate.withLock { _ in seen.withLock { $0 += records.map(\.id) } }
            }, backPressure: 10, metrics: metrics)
        gate.withLock { _ in
            writer.submit(.sample(0))
            entered.wait(nanoseconds: 30_000_000_000)  // the writer is inside the destination now
            for n in 1...10 { writer.submit(.sample(n)) }
            #expect(!writer.isCongested)
            for n in 11...50 { writer.submit(.sample(n)) }
            #expect(writer.isCongested)
        }
        writer.close()
        #expect(!writer.isCongested)
        #expect(seen.withLock { $0 } == (0...50).map { "id-\($0)" })
        #expect(metrics.counter("log_submit_full", "", labels: ["logger"]).with("local").value == 40)
    }

    @Test func writesLinesToADescriptor() throws {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        let writer = try LogWriter(
            destination: .standardOutput, selection: LogSelection(), backPressure: 100, overflowBytes: 0, name: "out",
            metrics: MetricRegistry(), descriptor: ends[1], write: { Glibc.write($0, $1.baseAddress, min($1.count, 700)) })
        for n in 0..<20 { writer.submit(.sample(n)) }
        writer.close()
        close(ends[1])
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while case let count = read(ends[0], &chunk, chunk.count), count > 0 { out += chunk[..<count] }
        close(ends[0])
        let lines = String(decoding: out, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(ids(lines) == Array(0..<20))
        #expect(lines.allSatisfy(JSONScanner.isValid))
    }

    @Test func aReaderThatGoesAwayCostsRecordsNotTheProcess() throws {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        close(ends[0])
        let metrics = MetricRegistry()
        let writer = try LogWriter(
            destination: .standardOutput, selection: LogSelection(), backPressure: 100, overflowBytes: 0, name: "out",
            metrics: metrics, descriptor: ends[1], write: { Glibc.write($0, $1.baseAddress, $1.count) })
        for n in 0..<20 { writer.submit(.sample(n)) }
        writer.close()
        close(ends[1])
        #expect(metrics.counter("log_records_lost", "", labels: ["logger"]).with("out").value == 20)
    }
}

/// Lists a directory another object owns.
struct TemporaryDirectoryView {
    let path: String

    var files: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

import Foundation
import Glibc
import Spool
import Telemetry
import TestSupport
import Testing

@testable import Delivery
@testable import Node
@testable import Resources

/// The small files beside the spool: whatever happens to one is said, and the node goes on.
@Suite struct StateFilesTests {
    private let folder = TestFolder()

    private func spool() throws -> Spool {
        try Spool(
            SpoolOptions(directory: folder.file("spool"), nodeID: "n", segmentSize: 256 << 10, minFreeSpace: 0, minFreeInodes: 0),
            metrics: MetricRegistry())
    }

    @Test func readsBackWhatWasWritten() throws {
        let spool = try spool()
        let files = StateFiles(directory: folder.file("spool"), spool: spool)
        #expect(files.read("rebinds-done", loss: "") == nil)
        try files.replace("rebinds-done", with: "a\nb\n")
        #expect(files.read("rebinds-done", loss: "") == "a\nb\n")
        #expect(spool.damages.isEmpty && StateFiles.damages(folder.file("spool")).isEmpty)
        spool.close()
    }

    /// A stop must not leave a file half written, nor write to a directory that is another's by then.
    @Test func closeWritesWhatWaitsAndIsTheLastToWrite() throws {
        let files = StateFiles(directory: folder.path, spool: nil)
        for n in 0..<100 { files.replaceSoon("rebinds-done", with: "\(n)\n") }
        files.replaceSoon("cluster-contact", with: "1 kumo 5\n")
        files.close()
        #expect(files.read("rebinds-done", loss: "") == "99\n" && files.read("cluster-contact", loss: "") == "1 kumo 5\n")
        #expect(!FileManager.default.fileExists(atPath: folder.file("rebinds-done.new")))
        files.replaceSoon("rebinds-done", with: "late\n")
        files.close()
        #expect(files.read("rebinds-done", loss: "") == "99\n")
    }

    @Test(
        arguments: ["rebinds-done", "cluster-contact"],
        [
            "empty", "cut", "flipped", "missing", "directory", "pipe", "garbage", "mark", "check", "feed", "lines", "grown", "line",
            "zeros",
        ])
    func everyHarm(name: String, harm: String) throws {
        var spool = try spool()
        let path = folder.file("spool") + "/" + name
        try StateFiles(directory: folder.file("spool"), spool: spool).replace(name, with: "1 kumo 5\n2 kumo 6\n")
        spool.close()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        unlink(path)
        switch harm {
        case "empty": try "".write(toFile: path, atomically: false, encoding: .utf8)
        case "cut": try String(text.dropLast(3)).write(toFile: path, atomically: false, encoding: .utf8)
        case "flipped": try text.replacing("kumo 6", with: "kumo 7").write(toFile: path, atomically: false, encoding: .utf8)
        case "mark": try text.replacing("#", with: "y").write(toFile: path, atomically: false, encoding: .utf8)
        case "check": try "\(text.dropLast(2))z\n".write(toFile: path, atomically: false, encoding: .utf8)
        case "feed": try text.replacing("\n#", with: "P#").write(toFile: path, atomically: false, encoding: .utf8)
        case "lines": try "1 kumo 5\n2 kumo 6\n".write(toFile: path, atomically: false, encoding: .utf8)
        case "grown": try (text + "\u{3}x\n\u{7f}").write(toFile: path, atomically: false, encoding: .utf8)
        case "line": try (text + "3 kumo 7\n").write(toFile: path, atomically: false, encoding: .utf8)
        case "zeros": try (text + "\0\0\n").write(toFile: path, atomically: false, encoding: .utf8)
        case "garbage": try "\u{1}\u{2}".write(toFile: path, atomically: false, encoding: .utf8)
        case "directory": mkdir(path, 0o750)
        case "pipe": mkfifo(path, 0o640)
        default: break
        }
        #expect(StateFiles.damages(folder.file("spool")).map(\.file) == [name])
        spool = try self.spool()
        let files = StateFiles(directory: folder.file("spool"), spool: spool)
        #expect(files.read(name, loss: "so what") == nil)
        #expect(files.read(name, loss: "so what") == nil)
        #expect(spool.damages.map(\.file) == [name] && spool.damages[0].what.contains("so what"))
        try files.replace(name, with: "3\n")
        #expect(files.read(name, loss: "") == "3\n")
        spool.close()
    }

    /// Files of earlier versions have no checksum.
    @Test func olderFilesAreRead() throws {
        mkdir(folder.file("spool"), 0o750)
        try "one\ntwo\n".write(toFile: folder.file("spool/rebinds-done"), atomically: false, encoding: .utf8)
        let files = StateFiles(directory: folder.file("spool"), spool: nil)
        #expect(files.read("rebinds-done", loss: "") == "one\ntwo\n")
    }

    @Test func theNodeIDComesFromTheListWhenOwnerIsLost() throws {
        try spool().close()
        unlink(folder.file("spool/OWNER"))
        #expect(try NodeIdentity.load(directory: folder.file("spool")) == "n")
    }
}

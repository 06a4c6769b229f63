import Glibc
import Message
import Telemetry
import Testing

@testable import Spool

/// Who may use a directory.
@Suite struct VolumeTests {
    private func refusal(_ body: () throws(SpoolError) -> Spool) -> SpoolError? {
        do throws(SpoolError) {
            try body().close()
            return nil
        } catch { return error }
    }

    @Test func secondProcessIsRefused() throws {
        let folder = Folder()
        let spool = try folder.open()
        // flock is held by the open file, so a second opening in this process is refused like another process.
        let error = try #require(refusal { () throws(SpoolError) in try folder.open() })
        #expect(error.code == .locked && error.remedy.contains("Stop it"))
        spool.close()
        #expect(refusal { () throws(SpoolError) in try folder.open() } == nil)
    }

    @Test func anotherNodesSpoolIsRefused() throws {
        let folder = Folder()
        try folder.open().close()
        let error = try #require(refusal { () throws(SpoolError) in try folder.open { $0.nodeID = "node-2" } })
        #expect(error.code == .foreign && error.message.contains("node-1") && error.remedy.contains("node id"))
        #expect(refusal { () throws(SpoolError) in try folder.open() } == nil)
    }

    @Test func overtakenEpochIsRefused() throws {
        let folder = Folder()
        try folder.open { $0.epoch = 3 }.close()
        #expect(refusal { () throws(SpoolError) in try folder.open { $0.epoch = 2 } }?.code == .foreign)
        #expect(refusal { () throws(SpoolError) in try folder.open { $0.epoch = 4 } } == nil)
    }

    @Test func directoryWithOtherFilesIsRefused() throws {
        let folder = Folder()
        mkdir(folder.path + "/spool", 0o755)
        mkdir(folder.path + "/spool/precious", 0o755)
        let error = try #require(refusal { () throws(SpoolError) in try folder.open() })
        #expect(error.code == .foreign && error.message.contains("precious") && error.remedy.contains("empty"))
        #expect(access(folder.path + "/spool/OWNER", F_OK) != 0)
        rmdir(folder.path + "/spool/precious")
        #expect(refusal { () throws(SpoolError) in try folder.open() } == nil)
    }

    @Test(arguments: ["/proc/apus-spool", "/dev/null/spool"]) func unwritableDirectoryIsRefused(path: String) throws {
        let error = try #require(
            refusal { () throws(SpoolError) in
                try Spool(SpoolOptions(directory: path, nodeID: "n"), metrics: MetricRegistry())
            })
        #expect(error.code == .unwritable && error.message.contains(path) && !error.remedy.isEmpty)
    }

    @Test(arguments: ["", "two words", "line\nbreak"]) func badNodeID(id: String) throws {
        let folder = Folder()
        #expect(refusal { () throws(SpoolError) in try folder.open { $0.nodeID = id } }?.code == .invalid)
    }
}

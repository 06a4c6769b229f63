import Glibc
import Message
import Telemetry
import Testing

@testable import Spool

/// A directory that moves, and files that go, while the node runs.
@Suite struct PlaceTests {
    @Test func aDirectoryThatGoesIsNoticedAndComesBack() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        let handle = try machine.append([Sample.draft(1)]).get()[0]
        machine.absence.withLock { $0 = "/spool was renamed" }
        guard case .failure(let error) = machine.append([Sample.draft(2)]) else {
            Issue.record("taken")
            return
        }
        #expect(error.code == .missing)
        guard case .missing = machine.store.health.withLock({ $0 }) else {
            Issue.record("health does not say so")
            return
        }
        let calls = disk.calls
        machine.commit([.done(handle)])
        _ = machine.append([Sample.draft(3)])
        machine.housekeep(3)
        #expect(disk.calls - calls < 5, "it was written to")
        machine.absence.withLock { $0 = nil }
        machine.clock += 1_000_000_000
        _ = try machine.append([Sample.draft(4)]).get()
        #expect(machine.store.health.withLock { $0 } == .ok)
        machine.settle()
        #expect(Set(try Machine(disk.clone()).recover().found.map(\.id.low)) == [4])
    }

    @Test(arguments: ["spool", "spool/segments"]) func onTheRealDisk(_ part: String) throws {
        let folder = Folder()
        let spool = try folder.open()
        _ = spool.recovered()
        _ = try spool.appended([Sample.draft(1)]).get()
        let path = folder.path + "/" + part
        rename(path, path + ".away")
        #expect(code(spool.appended([Sample.draft(2)])) == .missing)
        // Another one in its place is not the same.
        mkdir(path, 0o750)
        #expect(code(spool.appended([Sample.draft(3)])) == .missing)
        rmdir(path)
        rename(path + ".away", path)
        // Looked at with each commit, and at least each tenth of a second.
        var taken = false
        for n in UInt64(10)...100 where !taken {
            taken = code(spool.appended([Sample.draft(n)])) == nil
            if !taken { usleep(20_000) }
        }
        #expect(taken && spool.health == .ok)
        spool.close()
    }

    private func code(_ result: Result<[SpoolHandle], SpoolError>) -> SpoolError.Code? {
        if case .failure(let error) = result { return error.code }
        return nil
    }

    /// The segments are removed one by one under the node: what is in them is written anew before it is too late.
    @Test func removedSegmentsAreWrittenAnew() throws {
        let disk = MemoryDisk()
        let machine = try Machine(disk)
        machine.recover()
        for n in UInt64(1)...40 { _ = try machine.append([Sample.draft(n, size: 900)]).get() }
        machine.settle()
        for name in disk.names() where name.hasPrefix("/spool/segments/") { disk.unlink(name) }
        guard case .failure(let error) = machine.append([Sample.draft(50)]) else {
            Issue.record("taken into a file that is gone")
            return
        }
        #expect(error.code == .missing)
        machine.clock += 2_000_000_000
        machine.housekeep(60)
        _ = try machine.append([Sample.draft(51)]).get()
        machine.settle()
        #expect(machine.store.damages.withLock { $0.segments } >= 3)
        let again = try Machine(disk.clone())
        #expect(Set(again.recover().found.map(\.id.low)) == Set(1...40).union([51]))
        #expect(again.store.damages.withLock { $0.segments } == 0)
    }

    @Test func removedSmallFilesAreMadeAgain() throws {
        let folder = Folder()
        let spool = try folder.open()
        _ = spool.recovered()
        _ = try spool.appended([Sample.draft(1)]).get()
        let path = folder.options().directory
        unlink(path + "/OWNER")
        unlink(path + "/LEDGER")
        // Once a second.
        var left = 300
        while left > 0, spool.damages.count < 2 {
            usleep(20_000)
            left -= 1
        }
        #expect(left > 0)
        #expect(Set(spool.damages.map(\.file)) == ["OWNER", "LEDGER"])
        #expect(access(path + "/OWNER", F_OK) == 0 && access(path + "/LEDGER", F_OK) == 0)
        spool.close()
        #expect(try SpoolInspection.check(path).damage.isEmpty)
    }

    @Test func lockSurvivesEverything() throws {
        for trick in ["remove", "replace", "link", "other name", "segments"] {
            let folder = Folder()
            let spool = try folder.open()
            let path = folder.options().directory
            var second = path
            switch trick {
            case "remove": unlink(path + "/LOCK")
            case "replace":
                unlink(path + "/LOCK")
                close(open(path + "/LOCK", O_CREAT | O_RDWR, 0o640))
                unlink(path + "/OWNER")
            case "link":
                second = folder.path + "/link"
                symlink(path, second)
                unlink(path + "/LOCK")
            case "other name":
                second = folder.path + "/other"
                rename(path, second)
                unlink(second + "/LOCK")
            default:
                // Another directory around the same segments.
                second = folder.path + "/shell"
                mkdir(second, 0o750)
                symlink(path + "/segments", second + "/segments")
            }
            var options = folder.options()
            options.directory = second
            let error = #expect(throws: SpoolError.self) { _ = try Spool(options, metrics: MetricRegistry()) }
            #expect(error?.code == .locked || (trick == "segments" && error?.code == .foreign), "\(trick): \(error as Any)")
            spool.close()
        }
    }
}

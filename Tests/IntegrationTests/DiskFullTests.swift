import Foundation
import Glibc
import Sink
import Testing

extension IntegrationTests {
    /// A volume that fills up.
    @Suite(.serialized, .timeLimit(.minutes(10)), .enabled(if: Tmpfs.isPermitted, "mounting a tmpfs needs root (CAP_SYS_ADMIN)"))
    struct DiskFullTests {
        @Test func refusesBeforeTheVolumeIsFull() async throws {
            try await Scratch.with("full") { scratch in
                let volume = try Tmpfs(scratch.file("volume"), megabytes: 512)
                defer { volume.unmount() }
                let record = scratch.file("record")
                let sink = try await Sink.local(record: record)
                var policy = Policy(sink: sink.port)
                policy.definesSpool = true
                policy.more = "kumo.define_spool{name='data', path='\(volume.path)/spool', min_free_space='25%'}"
                let node = try scratch.node(policy)
                #expect(try node.post("/api/queues/pause", #"{"queue": "full.test", "reason": "test"}"#).status == 200)

                // A stranger's file fills the volume, and goes away.
                let early = try Wire.session(port: node.smtp)
                try volume.occupy(leaving: 100 << 20)
                #expect(try eventually(within: 10) { try early.transaction(id: "during@t", to: "x@free.test").code == 452 })
                try Self.expectRefusing(node)
                volume.vacate()
                #expect(try eventually(within: 10) { try early.transaction(id: "again@t", to: "x@free.test").code == 250 })
                #expect(try node.get("/readyz").status == 200)

                // Mail fills it.
                let (accepted, refusal) = try Self.fill(node)
                let free = volume.freeBytes
                print("disk full: \(accepted.count) messages of 256 KB accepted, then \(refusal); \(free >> 20) MiB of 512 left")
                #expect(refusal.code == 452)
                #expect(free > 64 << 20, "intake must stop before the volume is full")
                try Self.expectRefusing(node)

                // Space returns with the mail's delivery, and nothing of it is lost.
                #expect(try node.post("/api/queues/resume", #"{"queue": "full.test"}"#).status == 200)
                #expect(eventually(within: 60) { sink.counters.messages >= accepted.count })
                let isReady = try eventually(within: 20) { try node.get("/readyz").status == 200 }
                let problem = try node.get("/readyz").text
                #expect(isReady, "\(problem)")
                let wire = try Wire.session(port: node.smtp)
                #expect(try wire.transaction(id: "after@t", to: "x@full.test").code == 250)

                let isEmpty = try node.becomesEmpty(within: 20)
                #expect(isEmpty)
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
                let arrived = try Arrivals([record])
                #expect(accepted.union(["after@t", "again@t"]).subtracting(arrived.times.keys).isEmpty)
            }
        }

        @Test func recoversAVolumeThatIsFull() async throws {
            try await Scratch.with("fullstart") { scratch in
                let volume = try Tmpfs(scratch.file("volume"), megabytes: 256)
                defer { volume.unmount() }
                let record = scratch.file("record")
                let sink = try await Sink.local(record: record)
                var policy = Policy(sink: sink.port)
                policy.definesSpool = true
                policy.more = "kumo.define_spool{name='data', path='\(volume.path)/spool', min_free_space='10%'}"
                var node = try scratch.node(policy)
                #expect(try node.post("/api/queues/pause", #"{"queue": "full.test"}"#).status == 200)
                let wire = try Wire.session(port: node.smtp)
                for index in 0..<20 { #expect(try wire.transaction(id: "f\(index)@t", to: "x@full.test").code == 250) }
                node.program.signal(SIGKILL)
                _ = node.program.wait(5)
                // Not a byte left: the node must start, refuse mail, and deliver what it has.
                try volume.occupy(leaving: 0)
                node = try scratch.node(policy)
                try Self.expectRefusing(node)
                let resumed = try node.post("/api/queues/resume", #"{"queue": "full.test"}"#)
                if resumed.status != 200 {  // the list of pauses cannot be written: an error that says so, then space
                    #expect(resumed.status == 500)
                    #expect(resumed.text.contains("No space left"))
                    volume.vacate()
                    #expect(try node.post("/api/queues/resume", #"{"queue": "full.test"}"#).status == 200)
                }
                #expect(eventually(within: 20) { sink.counters.messages >= 20 })
                volume.vacate()
                let isReady = try eventually(within: 20) { try node.get("/readyz").status == 200 }
                let problem = try node.get("/readyz").text
                #expect(isReady, "\(problem)")
                let isEmpty = try node.becomesEmpty(within: 20)
                #expect(isEmpty)
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
                #expect(Set(try Arrivals([record]).times.keys) == Set((0..<20).map { "f\($0)@t" }))
            }
        }

        private static func fill(_ node: RunningNode) throws -> (accepted: Set<String>, refusal: Wire.Reply) {
            let body = String(repeating: String(repeating: "x", count: 98) + "\r\n", count: 2560)
            let wire = try Wire.session(port: node.smtp, timeout: 30)
            var accepted: Set<String> = []
            while accepted.count < 4000 {
                let id = "full\(accepted.count)@t"
                let reply = try wire.transaction(id: id, to: "x@full.test", body: body)
                guard reply.code == 250 else { return (accepted, reply) }
                accepted.insert(id)
            }
            throw Failure("the volume never became full")
        }

        private static func expectRefusing(_ node: RunningNode) throws {
            #expect(try eventually(within: 5) { try node.get("/readyz").status == 503 })
            #expect(try node.get("/readyz").text.contains("disk"))
            #expect(try node.get("/livez").status == 200)
            let inject = try node.post("/api/inject", #"{"from": "a@b.test", "to": ["x@full.test"]}"#)
            #expect(inject.status == 503)
        }
    }
}

/// *Shared*: a small volume in memory.
final class Tmpfs: Sendable {
    let path: String
    /// MNT_DETACH.
    private static let detach: Int32 = 2

    static let isPermitted: Bool = {
        let directory = "/tmp/apus-mount-\(getpid())"
        guard mkdir(directory, 0o700) == 0 else { return false }
        defer { rmdir(directory) }
        guard mount("tmpfs", directory, "tmpfs", 0, "size=1m") == 0 else { return false }
        umount2(directory, Tmpfs.detach)
        return true
    }()

    init(_ path: String, megabytes: Int) throws {
        self.path = path
        guard mkdir(path, 0o755) == 0 else { throw Failure.system("mkdir \(path)") }
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else { throw Failure.system("mount \(path)") }
    }

    func unmount() { umount2(path, Tmpfs.detach) }

    var freeBytes: Int {
        var facts = statvfs()
        return statvfs(path, &facts) == 0 ? Int(facts.f_bavail) * Int(facts.f_frsize) : 0
    }

    /// A file that takes all but so many bytes.
    func occupy(leaving: Int) throws {
        let file = open(path + "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Failure.system("filler") }
        defer { close(file) }
        let size = freeBytes - leaving
        guard size > 0 else { return }
        let code = posix_fallocate(file, 0, size)
        guard code == 0 else { throw Failure("filler: \(String(cString: strerror(code)))") }
    }

    func vacate() { unlink(path + "/filler") }
}

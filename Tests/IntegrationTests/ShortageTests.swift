import Foundation
import Glibc
import Sink
import Testing

extension IntegrationTests {
    /// A node that has no descriptor left for a connection to another server.
    @Suite(.serialized, .timeLimit(.minutes(8))) struct ShortageTests {
        /// The number that the next descriptor of the process would get.
        private static func nextDescriptor(_ pid: pid_t) throws -> Int {
            let used = Set(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").compactMap { Int($0) })
            return (0...used.count).first { !used.contains($0) } ?? used.count
        }

        private typealias Prlimit = @convention(c) (pid_t, Int32, UnsafePointer<rlimit>?, UnsafeMutablePointer<rlimit>?) -> Int32

        /// Changes the soft limit of open files of a running process. The function is a GNU extension that Swift does not import.
        private static func limit(_ pid: pid_t, to count: Int) throws {
            let prlimit = unsafeBitCast(try #require(dlsym(nil, "prlimit")), to: Prlimit.self)
            let files = Int32(RLIMIT_NOFILE.rawValue)
            var limits = rlimit()
            guard prlimit(pid, files, nil, &limits) == 0 else { throw Failure.system("prlimit") }
            limits.rlim_cur = min(rlim_t(count), limits.rlim_max)
            guard prlimit(pid, files, &limits, nil) == 0 else { throw Failure.system("prlimit") }
        }

        @Test func noAttemptIsSpentWithoutDescriptors() async throws {
            try await Scratch.with("shortage") { scratch in
                let sink = try await Sink.local()
                let other = try await Sink.local()
                var policy = Policy(sink: sink.port)
                policy.flaky = other.port
                policy.more = "kumo.configure_local_logs{log_dir='\(scratch.file("logs"))', max_segment_duration='1 hour'}"
                let node = try scratch.node(policy)
                let wire = try Wire.session(port: node.smtp)
                // The first message opens what the spool and the logs need.
                #expect(try wire.transaction(id: "first@t", to: "x@one.test").code == 250)
                #expect(eventually(within: 10) { sink.counters.messages == 1 })
                try Self.limit(node.program.pid, to: try Self.nextDescriptor(node.program.pid))
                #expect(try wire.transaction(id: "second@t", to: "x@flaky.test").code == 250)
                Now.sleep(0.1)
                _ = eventually(within: 10) {
                    sink.counters.messages == 2 || node.program.errors.contains("no connection to another server")
                }
                try Self.limit(node.program.pid, to: 4096)
                #expect(eventually(within: 5) { other.counters.messages == 1 })
                #expect(node.stop().ending == .exited(0))
                let records = try Logs.records(scratch.file("logs"), scratch)
                #expect(records.filter { $0["type"] as? String == "TransientFailure" }.isEmpty)
                #expect(node.program.errors.contains("raise the limit of open files"), "\(node.program.errors)")
                await sink.stop()
                await other.stop()
            }
        }
    }
}

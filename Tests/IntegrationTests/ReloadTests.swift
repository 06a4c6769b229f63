import Foundation
import Glibc
import Sink
import Testing

extension IntegrationTests {
    /// SIGHUP: the policy is read again; a bad one changes nothing.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct ReloadTests {
        private static func reload(_ node: RunningNode, _ scratch: Scratch, _ text: String, says line: String) throws {
            let before = node.program.errors.components(separatedBy: line).count
            _ = try scratch.write("policy.lua", text)
            node.program.signal(SIGHUP)
            guard eventually(within: 15, { node.program.errors.components(separatedBy: line).count > before }) else {
                throw Failure("the log does not say '\(line)':\n\(node.program.errors.suffix(1500))")
            }
        }

        @Test func aGoodPolicyTakesOver() async throws {
            try await Scratch.with("reload") { scratch in
                let old = try await Sink.local()
                let new = try await Sink.local()
                var policy = Policy(sink: old.port)
                policy.queueOptions = "retry_interval='1s', refresh_interval='1h'"
                policy.pathOptions = "refresh_interval='1h'"
                policy.more = "kumo.on('smtp_server_mail_from', function(a) if a.user == 'bad' then kumo.reject(550, '5.7.1 old') end end)"
                let node = try scratch.node(policy)
                let wire = try Wire.session(port: node.smtp)
                #expect(try wire.transaction(id: "1@t", to: "x@one.test").code == 250)
                #expect(eventually(within: 10) { old.counters.messages == 1 })
                #expect(try wire.say("MAIL FROM:<bad@b.test>").text.contains("old"))

                policy.sink = new.port
                policy.more = "kumo.on('smtp_server_mail_from', function(a) if a.user == 'bad' then kumo.reject(550, '5.7.1 new') end end)"
                try Self.reload(node, scratch, policy.text, says: "policy reloaded")
                // The same session, the same queue, without waiting for the refresh interval.
                #expect(try wire.say("MAIL FROM:<bad@b.test>").text.contains("new"))
                #expect(try wire.transaction(id: "2@t", to: "x@one.test").code == 250)
                #expect(eventually(within: 10) { new.counters.messages == 1 })
                #expect(old.counters.messages == 1)
                #expect(node.stop().ending == .exited(0))
            }
        }

        @Test(arguments: [
            ("this is not Lua", "policy.lua:1"), ("", "policy.lua"),
            ("\nkumo.on('get_egress_path_config', function() return kumo.make_egress_path{conection_limit=1} end)", "policy.lua:2"),
            ("kumo.start_esmtp_listener{listen='127.0.0.1:0', relay_host={'10.0.0.0/8'}}", "policy.lua:1"),
        ]) func aBadPolicyChangesNothing(_ text: String, _ place: String) async throws {
            try await Scratch.with("badreload") { scratch in
                let sink = try await Sink.local()
                let node = try scratch.node(Policy(sink: sink.port))
                if text.isEmpty {
                    unlink(scratch.file("policy.lua"))
                    node.program.signal(SIGHUP)
                    #expect(eventually(within: 15) { node.program.errors.contains("the policy was not reloaded") })
                } else {
                    try Self.reload(node, scratch, text, says: "the policy was not reloaded")
                }
                let line = node.program.errors.split(separator: "\n").first { $0.contains("the policy was not reloaded") } ?? ""
                #expect(line.contains("ERROR") && line.contains(place), "\(line)")
                let wire = try Wire.session(port: node.smtp)
                #expect(try wire.transaction(id: "1@t", to: "x@one.test").code == 250)
                #expect(eventually(within: 10) { sink.counters.messages == 1 })
                // And a good one after it.
                try Self.reload(node, scratch, Policy(sink: sink.port).text, says: "policy reloaded")
                #expect(node.stop().ending == .exited(0))
            }
        }

        @Test func handlersInFlightEndInTheirOwnPolicy() async throws {
            try await Scratch.with("inflight") { scratch in
                let sink = try await Sink.local()
                var policy = Policy(sink: sink.port)
                policy.more = "kumo.on('smtp_server_mail_from', function(a) kumo.sleep(1.5) kumo.reject(550, '5.7.1 old') end)"
                let node = try scratch.node(policy)
                let wire = try Wire.session(port: node.smtp)
                try wire.send("MAIL FROM:<a@b.test>\r\n")
                Now.sleep(0.2)
                policy.more = ""
                try Self.reload(node, scratch, policy.text, says: "policy reloaded")
                #expect(try wire.reply().text.contains("old"))
                #expect(try wire.transaction(id: "1@t", to: "x@one.test").code == 250)
                #expect(node.stop().ending == .exited(0))
            }
        }

        @Test func logSegmentsAreClosedAndOtherListenersNeedARestart() async throws {
            try await Scratch.with("rotate") { scratch in
                let sink = try await Sink.local()
                var policy = Policy(sink: sink.port)
                policy.more = "kumo.configure_local_logs{log_dir='\(scratch.file("logs"))'}"
                let node = try scratch.node(policy)
                let wire = try Wire.session(port: node.smtp)
                #expect(try wire.transaction(id: "1@t", to: "x@one.test").code == 250)
                #expect(eventually(within: 10) { sink.counters.messages == 1 })
                func closed() -> Int {
                    let files = (try? FileManager.default.contentsOfDirectory(atPath: scratch.file("logs"))) ?? []
                    return files.count { access(scratch.file("logs/\($0)"), F_OK) == 0 && Self.isReadOnly(scratch.file("logs/\($0)")) }
                }
                #expect(closed() == 0)
                policy.smtpOptions = "banner='other'"
                try Self.reload(node, scratch, policy.text, says: "restart the node to put it in force")
                #expect(node.program.errors.contains("start_esmtp_listener"))
                #expect(eventually(within: 10) { closed() == 1 })
                #expect(try wire.transaction(id: "2@t", to: "x@one.test").code == 250)
                #expect(node.stop().ending == .exited(0))
                #expect(closed() == 2)
            }
        }

        private static func isReadOnly(_ path: String) -> Bool {
            var info = stat()
            return stat(path, &info) == 0 && info.st_mode & 0o222 == 0
        }

        @Test func manyReloadsUnderLoadLoseNothing() async throws {
            try await Scratch.with("reloads") { scratch in
                let record = scratch.file("record")
                let sink = try await Sink.local(record: record)
                let load = Load("hup", size: 1000, domains: ["a.test", "b.test"])
                let node = try scratch.node(Policy(sink: sink.port))
                load.aim(at: node.smtp)
                load.start(sessions: 3)
                for _ in 0..<30 {
                    node.program.signal(SIGHUP)
                    Now.sleep(0.05)
                }
                #expect(load.stop())
                let isEmpty = try node.becomesEmpty(within: 60)
                #expect(isEmpty)
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
                let arrivals = try Arrivals([record])
                #expect(load.accepted.subtracting(arrivals.times.keys).isEmpty)
                #expect(arrivals.duplicates == 0)
            }
        }
    }
}

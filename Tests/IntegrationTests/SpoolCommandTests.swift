import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// `apus spool check|ls|cat` on the spool of a node that is down.
    @Suite(.serialized, .timeLimit(.minutes(5)))
    struct SpoolCommandTests {
        @Test func showsWhatWaits() async throws {
            try await Scratch.with("spoolcmd") { scratch in
                let node = try scratch.node(Policy(sink: 9))
                #expect(try node.post("/api/queues/pause", #"{"queue": "held.test"}"#).status == 200)
                let wire = try Wire.session(port: node.smtp)
                var ids: [String] = []
                for index in 0..<3 {
                    let reply = try wire.transaction(id: "cat\(index)@t", to: "x\(index)@held.test", body: "line one\r\n..dotted\r\n")
                    #expect(reply.code == 250)
                    ids.append(String(reply.text.split(separator: "=").last ?? ""))
                }
                // They read the spool of a running node too, without a lock.
                let live = try scratch.outcome(["spool", "ls", scratch.file("spool")])
                #expect(live.ending == .exited(0), "\(live.errors)")
                for id in ids { #expect(live.output.contains(id), "\(live.output)") }
                #expect(node.stop().ending == .exited(0))

                let before = try Self.fingerprint(scratch.file("spool"))
                let check = try scratch.outcome(["spool", "check", scratch.file("spool")])
                #expect(check.ending == .exited(0), "\(check.errors)")
                let list = try scratch.outcome(["spool", "ls", scratch.file("spool")])
                #expect(list.ending == .exited(0))
                for (index, id) in ids.enumerated() {
                    #expect(list.output.split(separator: "\n").contains { $0.contains(id) && $0.contains("held.test") }, "\(list.output)")
                    let text = try scratch.outcome(["spool", "cat", scratch.file("spool"), id])
                    #expect(text.ending == .exited(0), "\(text.errors)")
                    #expect(text.output.contains("Message-ID: <cat\(index)@t>"))
                    #expect(text.output.contains("\n.dotted"), "content is shown without SMTP's dot stuffing")
                }
                let unknown = try scratch.outcome(["spool", "cat", scratch.file("spool"), String(repeating: "0", count: 32)])
                #expect(unknown.ending == .exited(1))
                #expect(try scratch.outcome(["spool", "ls", scratch.file("nowhere")]).ending == .exited(1))
                #expect(try Self.fingerprint(scratch.file("spool")) == before, "reading changes nothing")

                // A flipped bit is found, and named.
                let segment = try Self.segments(scratch.file("spool")).first ?? ""
                try Self.damage(segment, at: "Message-ID: <cat1@t>")
                let damaged = try scratch.outcome(["spool", "check", scratch.file("spool")])
                #expect(damaged.ending == .exited(1))
                #expect((damaged.errors + damaged.output).contains(segment.suffix(12).prefix(8)), "\(damaged.errors)\(damaged.output)")
                #expect(
                    !damaged.errors.contains("kept as") && !damaged.errors.contains("IOFailure("),
                    "checking writes nothing: \(damaged.errors)")
                let rest = try scratch.outcome(["spool", "ls", scratch.file("spool")])
                #expect(rest.output.contains(ids[0]) && rest.output.contains(ids[2]), "a damaged record hides no other")
            }
        }

        private static func segments(_ spool: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: spool + "/segments").sorted().map { spool + "/segments/" + $0 }
        }

        /// Names, sizes and contents of everything in the spool.
        private static func fingerprint(_ spool: String) throws -> [String: Int] {
            var found: [String: Int] = [:]
            for file in try FileManager.default.subpathsOfDirectory(atPath: spool) {
                found[file] = (try? Data(contentsOf: URL(fileURLWithPath: spool + "/" + file)))?.hashValue ?? 0
            }
            return found
        }

        private static func damage(_ file: String, at text: String) throws {
            var data = try Data(contentsOf: URL(fileURLWithPath: file))
            guard let range = data.range(of: Data(text.utf8)) else { throw Failure("\(text) is not in \(file)") }
            data[range.lowerBound] ^= 1
            try data.write(to: URL(fileURLWithPath: file))
        }
    }
}

import Foundation
import Glibc
import Sink
import Synchronization
import Testing

extension IntegrationTests {
    /// Clients that mean no good: bounded memory, and nobody else waits.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct HostileTests {
        /// Bytes a node may grow while all of this goes on.
        static let budget = 160 << 20

        @Test func hostileClientsDoNotHarmOthers() async throws {
            let seed = announcedSeed("hostile")
            try await Scratch.with("hostile") { scratch in
                let sink = try await Sink.local()
                let node = try scratch.node(Policy(sink: sink.port))
                _ = try Wire.session(port: node.smtp).transaction(id: "warm@t", to: "x@a.test")
                let watch = MemoryWatch(node.program)
                let crowd = Crowd()
                Self.release(crowd, on: node, seed: seed)

                // Somebody else's transactions meanwhile, each on a connection of its own.
                var slowest = 0.0
                let end = Now.seconds + 6
                var count = 0
                while Now.seconds < end {
                    let start = Now.seconds
                    let wire = try Wire.session(port: node.smtp, timeout: 5)
                    #expect(try wire.transaction(id: "good\(count)@t", to: "x@a.test").code == 250)
                    #expect(try node.get("/livez").status == 200)
                    slowest = max(slowest, Now.seconds - start)
                    count += 1
                    Now.sleep(0.02)
                }
                let isOver = crowd.ends(within: 30)
                let growth = watch.growth()
                print(
                    "hostile: \(count) transactions meanwhile, slowest \(Int(slowest * 1000)) ms, memory + \(growth >> 20) MiB\n\(crowd.report)"
                )
                #expect(isOver, "a hostile client is still held: \(crowd.report)")
                #expect(slowest < 3)
                #expect(growth < Self.budget)
                #expect(crowd.complaints.isEmpty, "\(crowd.complaints.joined(separator: "\n"))")
                #expect(eventually(within: 20) { sink.counters.messages >= count + 1 })
                #expect(node.program.ending == nil, "\(node.program.errors)")
                #expect(node.stop().ending == .exited(0))
                await sink.stop()
            }
        }

        private static func release(_ crowd: Crowd, on node: RunningNode, seed: UInt64) {
            let smtp = node.smtp
            let http = node.http
            crowd.add("300 half-open sessions") {
                let wires = try (0..<300).map { index in
                    let wire = try Wire(port: smtp)
                    if index % 3 == 1 { try wire.send("EHLO half.test\r\nMAIL FROM:<a@b.test>\r\n") }
                    if index % 3 == 2 { try wire.send("EH") }
                    return wire
                }
                Now.sleep(5)
                return "held \(wires.count)"
            }
            for index in 0..<5 {
                crowd.add("dripping bytes \(index)") {
                    let wire = try Wire(port: smtp)
                    for byte in "EHLO drip.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSub".utf8 {
                        try wire.send([byte])
                        Now.sleep(0.06)
                    }
                    return "dripped"
                }
            }
            crowd.add("an endless command line") {
                let wire = try Wire.session(port: smtp)
                return "sent \(flood(wire, [UInt8](repeating: 65, count: 65_536), megabytes: 24)) MB"
            }
            crowd.add("an endless line in DATA") {
                let wire = try Wire.session(port: smtp)
                try wire.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
                for _ in 0..<3 { _ = try wire.reply() }
                return "sent \(flood(wire, [UInt8](repeating: 65, count: 65_536), megabytes: 24)) MB"
            }
            crowd.add("endless headers") {
                let wire = try Wire.session(port: smtp)
                try wire.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
                for _ in 0..<3 { _ = try wire.reply() }
                let block = Array(String(repeating: "X-Header: value value value\r\n", count: 2000).utf8)
                return "sent \(flood(wire, block, megabytes: 24)) MB"
            }
            crowd.add("100,000 pipelined NOOPs") {
                let wire = try Wire.session(port: smtp)
                let block = Array(String(repeating: "NOOP\r\n", count: 10_000).utf8)
                let reader = Reading(wire)
                for _ in 0..<10 where !reader.isClosed { try? wire.send(block) }
                let text = String(decoding: reader.finish(within: 20), as: UTF8.self)
                guard text.contains("421 ") else { throw Failure("no 421: …\(text.suffix(200))") }
                return "\(text.split(separator: "\r\n").count) replies, then 421"
            }
            crowd.add("a client that never reads") {
                let wire = try Wire(port: smtp, timeout: 4, receiveBuffer: 4096)
                return "sent \(flood(wire, Array(String(repeating: "EHLO a.test\r\nHELP\r\n", count: 4000).utf8), megabytes: 24)) MB"
            }
            crowd.add("a client that never reads, with work") {
                let wire = try Wire(port: smtp, timeout: 4, receiveBuffer: 4096)
                let text = "EHLO a.test\r\n" + String(repeating: "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nRSET\r\n", count: 2000)
                return "sent \(flood(wire, Array(text.utf8), megabytes: 24)) MB"
            }
            crowd.add("talk before the banner") {
                let wire = try Wire(port: smtp)
                try wire.send("EHLO early.test\r\nMAIL FROM:<a@b.test>\r\n")
                let first = try wire.reply()
                guard [220, 421, 554].contains(first.code) else { throw Failure("answered \(first)") }
                return "\(first.code)"
            }
            crowd.add("pipelining past QUIT") {
                let wire = try Wire.session(port: smtp)
                try wire.send("QUIT\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n")
                let text = String(decoding: wire.rest(), as: UTF8.self)
                guard text.hasPrefix("221 "), text.split(separator: "\r\n").count == 1 else { throw Failure("answered \(text)") }
                return "221 and closed"
            }
            crowd.add("binary garbage") {
                var chance = Chance(seed: seed)
                var closed = 0
                for _ in 0..<20 {
                    let wire = try Wire(port: smtp)
                    try? wire.send(chance.bytes(100_000))
                    shutdown(wire.descriptor, Int32(SHUT_WR))
                    let text = String(decoding: wire.rest(limit: 1 << 20), as: UTF8.self)
                    for line in text.split(separator: "\r\n") {
                        guard line.first.map({ "245".contains($0) }) == true else { throw Failure("answered '\(line.prefix(100))'") }
                    }
                    closed += 1
                }
                return "\(closed) sessions closed"
            }
            crowd.add("smuggling by lone line ends") {
                let wire = try Wire.session(port: smtp)
                try wire.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
                for _ in 0..<3 { _ = try wire.reply() }
                try wire.send("Subject: x\r\n\r\nhi\n.\nMAIL FROM:<evil@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n\r\n.\r\n")
                let reply = try wire.reply()
                guard (500...599).contains(reply.code) else { throw Failure("answered \(reply)") }
                return "\(reply.code)"
            }
            releaseHTTP(crowd, http, seed: seed)
        }

        private static func releaseHTTP(_ crowd: Crowd, _ http: Int, seed: UInt64) {
            func refused(_ name: String, _ method: String, _ path: String, _ body: [UInt8]?, _ codes: [Int]) {
                crowd.add(name) {
                    // A node that refuses a body need not read it: sending may get stuck, the answer is there all the same.
                    let reply = try HTTPReply.fetch(port: http, method, path, body: body, timeout: 5)
                    guard codes.contains(reply.status) else { throw Failure("answered \(reply.status): \(reply.text.prefix(200))") }
                    return "\(reply.status)"
                }
            }
            refused("HTTP: a body of 3 MB", "POST", "/api/inject", [UInt8](repeating: 32, count: 3 << 20), [413])
            refused("HTTP: a body of 32 MB", "POST", "/api/inject/v1", [UInt8](repeating: 32, count: 32 << 20), [413])
            refused("HTTP: no JSON", "POST", "/api/inject", Array("{\"from\": ".utf8), [400, 422])
            refused("HTTP: bytes that are no UTF-8", "POST", "/api/inject", [0x22, 0xff, 0xfe, 0x22], [400, 422])
            refused("HTTP: 100,000 brackets", "POST", "/api/inject", [UInt8](repeating: UInt8(ascii: "["), count: 100_000), [400, 422])
            refused(
                "HTTP: deep substitutions", "POST", "/api/inject/v1",
                Array(
                    ("{\"substitutions\": " + String(repeating: "{\"a\":", count: 400) + "1" + String(repeating: "}", count: 400) + "}")
                        .utf8), [400, 422])
            refused("HTTP: no such path", "GET", "/nowhere", nil, [404])
            refused("HTTP: wrong method", "GET", "/api/inject", nil, [404, 405])
            refused("HTTP: path with odd bytes", "GET", "/%00%ff/../../etc/passwd", nil, [400, 404])
            crowd.add("HTTP: garbage") {
                var chance = Chance(seed: seed &+ 1)
                var codes: Set<Int> = []
                for index in 0..<20 {
                    let wire = try Wire(port: http)
                    try? wire.send(index % 2 == 0 ? chance.bytes(5000) : Array("GET / HTTP/9.9\r\nbad header\r\n\r\n".utf8))
                    shutdown(wire.descriptor, Int32(SHUT_WR))
                    let text = String(decoding: wire.rest(limit: 1 << 20), as: UTF8.self)
                    if let code = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) { codes.insert(code) }
                }
                guard codes.allSatisfy({ (400...505).contains($0) }) else { throw Failure("answered \(codes)") }
                return "\(codes.sorted())"
            }
            crowd.add("HTTP: endless headers") {
                let wire = try Wire(port: http, timeout: 5)
                try wire.send("GET /metrics HTTP/1.1\r\nHost: x\r\n")
                return
                    "sent \(flood(wire, Array(String(repeating: "X-Header: value value value\r\n", count: 2000).utf8), megabytes: 24)) MB"
            }
            crowd.add("HTTP: an endless chunked body") {
                let wire = try Wire(port: http, timeout: 5)
                try wire.send("POST /api/inject HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 32, count: 65_536) + [13, 10]
                return "sent \(flood(wire, chunk, megabytes: 24)) MB"
            }
            crowd.add("HTTP: 100 dripping requests") {
                let wires = try (0..<100).map { _ in try Wire(port: http) }
                for byte in "POST /api/inject HTTP/1.1\r\nHost: x\r\nContent-Len".utf8 {
                    for wire in wires { try? wire.send([byte]) }
                    Now.sleep(0.08)
                }
                return "held \(wires.count)"
            }
        }

        /// Sends until it is stopped from the other side; how many MB went.
        private static func flood(_ wire: Wire, _ block: [UInt8], megabytes: Int) -> Int {
            var sent = 0
            while sent < megabytes << 20 {
                guard (try? wire.send(block)) != nil else { break }
                sent += block.count
            }
            return sent >> 20
        }
    }
}

/// *Shared*: hostile clients, a thread each, and what they saw.
final class Crowd: Sendable {
    private struct State: Sendable {
        var running: Set<String> = []
        var lines: [String] = []
        var complaints: [String] = []
    }

    private let state = Mutex(State())

    func add(_ name: String, _ act: @escaping @Sendable () throws -> String) {
        state.withLock { _ = $0.running.insert(name) }
        Thread.detachNewThread { [self] in
            do {
                let text = try act()
                end(name, text, isBad: false)
            } catch {
                end(name, "\(error)", isBad: true)
            }
        }
    }

    private func end(_ name: String, _ text: String, isBad: Bool) {
        state.withLock { state in
            state.running.remove(name)
            state.lines.append("  \(name): \(text)")
            if isBad { state.complaints.append("\(name): \(text)") }
        }
    }

    func ends(within seconds: Double) -> Bool { eventually(within: seconds) { state.withLock { $0.running.isEmpty } } }
    var complaints: [String] { state.withLock { $0.complaints } }
    var report: String { state.withLock { ($0.lines + $0.running.map { "  \($0): still running" }).joined(separator: "\n") } }
}

/// *Shared*: reads a connection to its end while another thread writes.
final class Reading: Sendable {
    private let state = Mutex<(bytes: [UInt8], isClosed: Bool)>(([], false))

    init(_ wire: Wire) {
        let file = wire.descriptor
        Thread.detachNewThread { [self] in
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(file, &chunk, chunk.count, 0)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                state.withLock { $0.bytes += chunk[..<count] }
            }
            state.withLock { $0.isClosed = true }
        }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func finish(within seconds: Double) -> [UInt8] {
        _ = eventually(within: seconds) { isClosed }
        return state.withLock { $0.bytes }
    }
}

import Foundation
import Glibc
import Synchronization
import Testing

/// *Shared*: a directory of one test, and the processes it started; both are gone at its end.
final class Scratch: Sendable {
    let path: String
    private let programs = Mutex<[Program]>([])

    private init(_ name: String) throws {
        var template = Array((NSTemporaryDirectory() + "/apus-\(name)-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure.system("mkdtemp") }
        path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Runs `body` with a fresh directory; ends the processes it left and removes the directory.
    static func with<Result>(_ name: String, _ body: (Scratch) async throws -> Result) async throws -> Result {
        let scratch = try Scratch(name)
        do {
            let result = try await body(scratch)
            scratch.close()
            return result
        } catch {
            scratch.close(failed: true)
            throw error
        }
    }

    private func close(failed: Bool = false) {
        for program in programs.withLock({ $0 }) {
            if program.ending == nil {
                program.signal(SIGKILL)
                _ = program.wait(5)
            }
            if failed {
                print(
                    "--- standard error of \(program.pid) (\(program.ending.map { "\($0)" } ?? "running")):\n\(program.errors.suffix(2000))"
                )
            }
        }
        if !failed || Environment.text("APUS_KEEP_SCRATCH") == nil { try? FileManager.default.removeItem(atPath: path) }
    }

    /// The `apus` executable: APUS_BINARY, else the one beside the test bundle.
    static let binary: String = {
        if let given = Environment.text("APUS_BINARY") { return given }
        for start in [CommandLine.arguments[0], (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""] {
            var directory = URL(fileURLWithPath: start).deletingLastPathComponent()
            for _ in 0..<4 {
                let candidate = directory.appendingPathComponent("apus").path
                if access(candidate, X_OK) == 0, !FileManager.default.isDirectory(candidate) { return candidate }
                directory.deleteLastPathComponent()
            }
        }
        return "/usr/bin/apus"
    }()

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ name: String, _ text: String) throws -> String {
        let file = file(name)
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        return file
    }

    /// Starts `apus` with these arguments.
    func apus(_ arguments: [String], environment: [String: String] = [:]) throws -> Program {
        try run(Self.binary, arguments, environment: environment)
    }

    func run(_ path: String, _ arguments: [String], environment: [String: String] = [:], output: String? = nil) throws -> Program {
        let program = try Program(path, arguments, environment: environment, output: output ?? file("stdout"))
        programs.withLock { $0.append(program) }
        return program
    }

    /// Runs `apus` to its end: how it ended, what it said on standard error and output.
    func outcome(
        _ arguments: [String], environment: [String: String] = [:], within seconds: Double = 20
    ) throws -> (ending: Program.Ending?, errors: String, output: String) {
        let output = file("out-\(UInt32.random(in: .min ... .max))")
        let program = try run(Self.binary, arguments, environment: environment, output: output)
        var ending = program.wait(seconds)
        if ending == nil {
            program.signal(SIGKILL)
            _ = program.wait(5)
            ending = nil
        }
        return (ending, program.errors, (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
    }

    /// Starts a node and waits until it takes mail.
    func node(
        _ policy: Policy, spool: String = "spool", options: [String] = [], environment: [String: String] = [:], within seconds: Double = 20
    ) throws -> RunningNode {
        let file = try write("policy.lua", policy.text)
        let directory = spool.hasPrefix("/") ? spool : self.file(spool)
        let arguments = ["serve", "--policy", file] + (policy.definesSpool ? [] : ["--spool", directory]) + options
        let program = try apus(arguments, environment: environment)
        guard program.line(after: "initialization complete", within: seconds) != nil else {
            throw Failure("the node does not start (\(program.ending.map { "\($0)" } ?? "still running")):\n\(program.errors)")
        }
        guard let smtp = program.line(after: "esmtp listener on ", within: 1).flatMap(Self.port),
            let http = program.line(after: "http listener on ", within: 1).flatMap(Self.port)
        else { throw Failure("the node does not say where it listens:\n\(program.errors)") }
        return RunningNode(program: program, smtp: smtp, http: http)
    }

    private static func port(_ address: String) -> Int? { address.split(separator: ":").last.flatMap { Int($0) } }
}

extension FileManager {
    fileprivate func isDirectory(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }
}

/// *Value*: the policies of these tests: mail for any domain goes to a port of this machine.
struct Policy: Sendable {
    /// The sink.
    var sink: Int
    /// Domains that start with `flaky` go there instead.
    var flaky: Int?
    var smtpOptions = ""
    var httpOptions = ""
    var queueOptions = "retry_interval='1s', max_retry_interval='2s'"
    var pathOptions = "connection_limit=8"
    /// Statements of the policy's top level.
    var more = ""
    var definesSpool = false

    init(sink: Int) { self.sink = sink }

    var text: String {
        """
        kumo.start_esmtp_listener{listen='127.0.0.1:0', hostname='mx.test', relay_hosts={'127.0.0.0/8'}\(smtpOptions.isEmpty ? "" : ", " + smtpOptions)}
        kumo.start_http_listener{listen='127.0.0.1:0'\(httpOptions.isEmpty ? "" : ", " + httpOptions)}
        \(more)
        kumo.on('get_queue_config', function(domain, tenant, campaign, rd)
          local port = \(sink)
          if string.sub(domain, 1, 5) == 'flaky' then port = \(flaky ?? sink) end
          return kumo.make_queue_config{\(queueOptions), protocol={smtp={mx_list={'127.0.0.1:' .. port}}}}
        end)
        kumo.on('get_egress_path_config', function(rd, source, site)
          return kumo.make_egress_path{prohibited_hosts={}, enable_tls='Disabled', \(pathOptions)}
        end)

        """
    }
}

/// *Shared*: a node that takes mail.
final class RunningNode: Sendable {
    let program: Program
    let smtp: Int
    let http: Int

    init(program: Program, smtp: Int, http: Int) {
        self.program = program
        self.smtp = smtp
        self.http = http
    }

    func get(_ path: String) throws -> HTTPReply { try HTTPReply.fetch(port: http, "GET", path) }
    func post(_ path: String, _ body: String) throws -> HTTPReply { try HTTPReply.fetch(port: http, "POST", path, body: Array(body.utf8)) }

    /// The value of one metric; the labels as written, `name{service="x"}`.
    func metric(_ name: String) throws -> Double? {
        try get("/metrics").text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    /// Waits until recovery is over and the node is responsible for no message.
    func becomesEmpty(within seconds: Double) throws -> Bool {
        try eventually(within: seconds, every: 0.05) {
            guard try get("/startupz").status == 200 else { return false }
            return try metric("message_count") == 0
        }
    }

    /// Stops it as an operator does; how it ended, and after how many seconds.
    func stop(within seconds: Double = 15) -> (ending: Program.Ending?, seconds: Double) {
        let start = Now.seconds
        program.signal(SIGTERM)
        let ending = program.wait(seconds)
        return (ending, Now.seconds - start)
    }
}

import Foundation
import Glibc
import TestSupport

/// A real `redis-server` (or Sentinel) on a free port of 127.0.0.1, in a folder of its own. *Shared*: everything that changes stands
/// behind a lock.
///
/// It is killed by its process id when the object goes away, and by a watching shell when the test process dies first.
///
/// `@unchecked`: `process` and `watcher` are only touched under `lock`; the rest changes only before `init` returns.
package final class RedisServer: @unchecked Sendable {
    /// Why a server does not run.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package private(set) var port: Int
    package let folder: String
    private let options: [String]
    private let configuration: String?
    private let lock = NSLock()
    private static let birth = NSLock()
    private var process: pid_t = 0
    private var hasStarted = false
    /// The shell that waits for our end, and the pipe it reads from.
    private var watcher: (process: pid_t, pipe: Int32)?

    /// Starts a server with options such as `["--maxmemory", "1mb"]`, or a Sentinel with this configuration; waits until it answers.
    package init(_ options: [String] = [], sentinel configuration: String? = nil) async throws {
        var template = Array("/tmp/apus-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "no temporary folder") }
        folder = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.options = options
        self.configuration = configuration
        port = Self.freePort()
        // Somebody else may have taken the port since.
        for _ in 0..<5 where !hasStarted {
            do { try await start() } catch { port = Self.freePort() }
        }
        if !hasStarted { try await start() }
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// `redis://127.0.0.1:port`
    package var url: String { "redis://127.0.0.1:\(port)" }

    /// Starts it, again with the same port and options.
    package func start() async throws {
        let name = configuration == nil ? "redis-server" : "redis-sentinel"
        guard
            let program = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map({ "\($0)/\(name)" })
                .first(where: { FileManager.default.isExecutableFile(atPath: $0) })
        else { throw Failure(description: "\(name) is not installed") }
        try spawn(program, [name] + arguments())
        // The log, not an answer: on a port that was taken meanwhile another server would answer.
        let marks = configuration == nil ? ["Ready to accept connections"] : ["Sentinel ID is", "Sentinel new configuration saved"]
        var hasEnded = false
        let isUp = await eventually {
            let log = FileManager.default.contents(atPath: "\(folder)/log").map { String(decoding: $0, as: UTF8.self) } ?? ""
            hasEnded = log.contains("Failed listening") || log.contains("Could not create server")
            return hasEnded || marks.contains { log.contains($0) }
        }
        guard isUp, !hasEnded else {
            kill()
            throw Failure(description: "\(name) does not start")
        }
        let answers = await eventually { (try? self.command(["PING"]))?.isEmpty == false }
        guard answers else { throw Failure(description: "\(name) does not answer") }
        hasStarted = true
    }

    private func arguments() throws -> [String] {
        guard let configuration else {
            return ["--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
                + ["--enable-debug-command", "yes"] + options
        }
        let file = "\(folder)/sentinel.conf"
        // A Sentinel keeps what it has learnt in its file: written once.
        if !FileManager.default.fileExists(atPath: file) || !hasStarted {
            let text = "port \(port)\nbind 127.0.0.1\ndir \(folder)\n\(configuration)\n"
            guard FileManager.default.createFile(atPath: file, contents: Data(text.utf8)) else { throw Failure(description: "no file") }
        }
        return [file]
    }

    private func spawn(_ program: String, _ arguments: [String]) throws {
        // A child that is born between pipe and fcntl would hold the pipe open: one at a time.
        Self.birth.lock()
        defer { Self.birth.unlock() }
        let child = try Self.spawn(program, arguments, input: nil, log: "\(folder)/log")
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: "no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // The end of the pipe without a line means that this process is gone.
        let text: String = "read line || { kill -9 \(child); rm -rf '\(folder)'; }"
        let shell = try Self.spawn("/bin/sh", ["sh", "-c", text], input: ends[0], log: "/dev/null")
        Glibc.close(ends[0])
        lock.withLock {
            process = child
            watcher = (shell, ends[1])
        }
    }

    private static func spawn(_ program: String, _ arguments: [String], input: Int32?, log: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        // Else the child keeps the sockets of whoever runs beside it in this process open, and their peers never see them close.
        let end = Int32(max(3, min(4096, sysconf(Int32(_SC_OPEN_MAX)))))
        for descriptor in 3..<end { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, program, &actions, nil, &pointers, environ)
        guard code == 0 else { throw Failure(description: "\(program): error \(code)") }
        return child
    }

    /// SIGKILL; returns when the process is gone.
    package func kill() {
        let (child, watcher) = lock.withLock {
            defer { (process, self.watcher) = (0, nil) }
            return (process, self.watcher)
        }
        guard child > 0 else { return }
        if let watcher {
            // Before the process is reaped: its number may be another's then.
            _ = write(watcher.pipe, "\n", 1)
            Glibc.close(watcher.pipe)
            Self.wait(watcher.process)
        }
        Glibc.kill(child, SIGKILL)
        Self.wait(child)
    }

    private static func wait(_ child: pid_t) {
        var status: Int32 = 0
        while waitpid(child, &status, 0) == -1, errno == EINTR {}
    }

    /// SIGSTOP: the process hangs, its sockets stay.
    package func pause() { signal(SIGSTOP) }

    /// SIGCONT.
    package func resume() { signal(SIGCONT) }

    private func signal(_ number: Int32) {
        lock.withLock { if process > 0 { _ = Glibc.kill(process, number) } }
    }

    /// Sends one command over a connection of its own, without the code under test; the raw reply.
    @discardableResult
    package func command(_ parts: [String], password: [String]? = nil) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "no socket") }
        defer { Glibc.close(descriptor) }
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else { throw Failure(description: "no connection: \(errno)") }
        if let password { _ = try Self.exchange(descriptor, ["AUTH"] + password) }
        return try Self.exchange(descriptor, parts)
    }

    private static func exchange(_ descriptor: Int32, _ parts: [String]) throws -> String {
        let text = "*\(parts.count)\r\n" + parts.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        let bytes = Array(text.utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(truncatingIfNeeded: Int(MSG_NOSIGNAL))) == bytes.count else {
            throw Failure(description: "not sent: \(errno)")
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw Failure(description: "no reply: \(errno)") }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// A port nobody listens on now; 10,000 above it there is room for the bus of a Redis Cluster.
    package static func freePort() -> Int {
        while true {
            let port = anyFreePort()
            if port <= 55_000 { return port }
        }
    }

    private static func anyFreePort() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = getsockname(descriptor, $0, &length)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
    }
}

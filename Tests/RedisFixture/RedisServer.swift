import Foundation
import Glibc

/// A real `redis-server` (or Sentinel) on a free port of 127.0.0.1, in a folder of its own. *Shared*: everything that changes stands behind a lock.
///
/// It is killed by its process id when the object goes away.
package final class RedisServer: @unchecked Sendable {  // proof: `process` is only touched under `lock`; the rest is constant
    /// Why a server does not run.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package let port: Int
    package let folder: String
    private let arguments: [String]
    private let isSentinel: Bool
    private let lock = NSLock()
    private var process: pid_t = 0

    /// Starts a server with options such as `["--maxmemory", "1mb"]`, and waits until it answers.
    package init(_ options: [String] = [], port: Int? = nil, sentinel configuration: String? = nil) async throws {
        var template = Array("/tmp/apus-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "no temporary folder") }
        folder = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.port = port ?? Self.freePort()
        isSentinel = configuration != nil
        if let configuration {
            let file = "\(folder)/sentinel.conf"
            let text = "port \(self.port)\nbind 127.0.0.1\ndir \(folder)\n\(configuration)\n"
            guard FileManager.default.createFile(atPath: file, contents: Data(text.utf8)) else { throw Failure(description: "no file") }
            arguments = ["redis-sentinel", file]
        } else {
            arguments =
                ["redis-server", "--port", "\(self.port)", "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
                + ["--enable-debug-command", "yes"] + options
        }
        try await start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// `redis://127.0.0.1:port`
    package var url: String { "redis://127.0.0.1:\(port)" }

    /// Starts it, again with the same port and options.
    package func start() async throws {
        guard let program = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map({ "\($0)/\(arguments[0])" })
            .first(where: { FileManager.default.isExecutableFile(atPath: $0) })
        else { throw Failure(description: "\(arguments[0]) is not installed") }
        try spawn(program)
        let answers = await eventually { (try? self.command(["PING"]))?.isEmpty == false }
        guard answers else { throw Failure(description: "\(arguments[0]) does not answer") }
    }

    private func spawn(_ program: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, "\(folder)/log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, program, &actions, nil, &pointers, environ)
        guard code == 0 else { throw Failure(description: "\(program): error \(code)") }
        lock.withLock { process = child }
    }

    /// SIGKILL; returns when the process is gone.
    package func kill() {
        let child = lock.withLock {
            defer { process = 0 }
            return process
        }
        guard child > 0 else { return }
        Glibc.kill(child, SIGKILL)
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

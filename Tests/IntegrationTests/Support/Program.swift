import Foundation
import Glibc
import Synchronization

/// *Shared*: a process this test started: its standard error line by line, its end.
final class Program: Sendable {
    /// *Value*: how a process ended.
    enum Ending: Equatable, Sendable {
        case exited(Int)
        case killed(Int)
    }

    private struct State: Sendable {
        var lines: [String] = []
        var hasClosed = false
        var ending: Ending?
    }

    let pid: pid_t
    private let state = Mutex(State())

    /// - Parameter output: the file that gets standard output.
    init(_ path: String, _ arguments: [String], environment: [String: String] = [:], output: String) throws {
        var pipes: [Int32] = [-1, -1]
        guard pipe(&pipes) == 0 else { throw Failure.system("pipe") }
        for file in pipes { _ = fcntl(file, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var variables = ProcessInfo.processInfo.environment
        for (name, value) in environment { variables[name] = value }
        let argv = ([path] + arguments).map { strdup($0) } + [nil]
        let envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, &attributes, argv, envp)
        close(pipes[1])
        guard code == 0 else {
            close(pipes[0])
            throw Failure("cannot start \(path): \(String(cString: strerror(code)))")
        }
        self.pid = pid
        let source = pipes[0]
        Thread.detachNewThread { [self] in read(source) }
        Thread.detachNewThread { [self] in reap() }
    }

    private func read(_ source: Int32) {
        var pending: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(source, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            pending += chunk[..<count]
            while let end = pending.firstIndex(of: 10) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeSubrange(...end)
                state.withLock { if $0.lines.count < 20_000 { $0.lines.append(line) } }
            }
        }
        close(source)
        let rest = String(decoding: pending, as: UTF8.self)
        state.withLock { state in
            if !rest.isEmpty { state.lines.append(rest) }
            state.hasClosed = true
        }
    }

    private func reap() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        // The number is given back only under the lock: `signal` can never reach a stranger.
        state.withLock { state in
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            state.ending = status & 0x7f == 0 ? .exited(Int(status >> 8 & 0xff)) : .killed(Int(status & 0x7f))
        }
    }

    /// Everything on standard error so far.
    var errors: String { state.withLock { $0.lines.joined(separator: "\n") } }
    var ending: Ending? { state.withLock { $0.ending } }

    func signal(_ number: Int32) {
        state.withLock { if $0.ending == nil { kill(pid, number) } }
    }

    /// Waits for the end; `nil` when it does not come.
    func wait(_ seconds: Double) -> Ending? {
        _ = eventually(within: seconds, every: 0.005) { state.withLock { $0.ending != nil && $0.hasClosed } }
        return ending
    }

    /// The rest of the first line that starts with `prefix`; `nil` when the process ends without it.
    func line(after prefix: String, within seconds: Double) -> String? {
        var found: String?
        _ = eventually(within: seconds, every: 0.005) {
            state.withLock { state in
                found = state.lines.first { $0.hasPrefix(prefix) }
                return found != nil || (state.ending != nil && state.hasClosed)
            }
        }
        return found.map { String($0.dropFirst(prefix.count)) }
    }

    /// Resident bytes now; 0 when it is gone.
    var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix("VmRSS:") {
            return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
        }
        return 0
    }
}

/// *Shared*: the largest resident size of a process while it is watched.
final class MemoryWatch: Sendable {
    private let peak = Atomic<Int>(0)
    private let isDone = Atomic<Bool>(false)
    let start: Int

    init(_ program: Program) {
        start = program.residentBytes
        peak.store(start, ordering: .relaxed)
        Thread.detachNewThread { [self] in
            while !isDone.load(ordering: .relaxed), program.ending == nil {
                let now = program.residentBytes
                if now > peak.load(ordering: .relaxed) { peak.store(now, ordering: .relaxed) }
                Now.sleep(0.02)
            }
        }
    }

    /// Stops watching; bytes above the start.
    func growth() -> Int {
        isDone.store(true, ordering: .relaxed)
        return peak.load(ordering: .relaxed) - start
    }
}

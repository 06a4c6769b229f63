import Glibc

/// A blocking connection to one Redis server, one command at a time: what the naive algorithm uses. *Loop-confined.*
///
/// *Diagnostics*: any failure closes it; the next command connects again. Nothing is retried.
final class RedisSocket {
    private let host: String
    private let port: UInt16
    private var descriptor: Int32 = -1
    private var input: [UInt8] = []
    /// Commands sent.
    private(set) var commands = 0

    /// `redis://host:port`; the host is an IPv4 address.
    init(url: String) throws(BenchError) {
        let bad = BenchError("'\(url)' is no address for this bench: write redis://127.0.0.1:6379")
        guard url.hasPrefix("redis://") else { throw bad }
        let parts = url.dropFirst(8).split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let port = UInt16(parts[1].prefix { $0 != "/" }) else { throw bad }
        host = String(parts[0])
        self.port = port
    }

    deinit { disconnect() }

    /// The reply to a command: an integer, or the bytes of a text.
    enum Reply: Equatable {
        case integer(Int64)
        case text([UInt8])
        case error(String)
    }

    /// Sends and waits for the reply, at most a second; nil when there was none.
    func call(_ parts: [String]) -> Reply? {
        guard descriptor >= 0 || connect() else { return nil }
        commands += 1
        var out = Array("*\(parts.count)\r\n".utf8)
        for part in parts { out += Array("$\(part.utf8.count)\r\n\(part)\r\n".utf8) }
        guard out.withUnsafeBytes({ send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }) == out.count,
            let reply = readReply()
        else {
            disconnect()
            return nil
        }
        return reply
    }

    private func connect() -> Bool {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        var wait = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return false }
        let done = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if done != 0 { disconnect() }
        return done == 0
    }

    private func disconnect() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        input = []
    }

    private func readReply() -> Reply? {
        guard let line = readLine(), let kind = line.first else { return nil }
        let text = String(decoding: line.dropFirst(), as: UTF8.self)
        switch kind {
        case UInt8(ascii: ":"): return Int64(text).map { .integer($0) }
        case UInt8(ascii: "+"): return .text(Array(line.dropFirst()))
        case UInt8(ascii: "-"): return .error(text)
        case UInt8(ascii: "$"):
            guard let count = Int(text), count < 1 << 20 else { return nil }
            if count < 0 { return .text([]) }
            while input.count < count + 2 { guard fill() else { return nil } }
            defer { input.removeFirst(count + 2) }
            return .text(Array(input.prefix(count)))
        default: return nil
        }
    }

    private func readLine() -> [UInt8]? {
        while true {
            if let end = input.firstIndex(of: 0x0A) {
                defer { input.removeFirst(end + 1) }
                return Array(input[..<max(0, end - 1)])
            }
            guard input.count < 1 << 16, fill() else { return nil }
        }
    }

    private func fill() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            input.append(contentsOf: buffer[..<count])
            return true
        }
    }
}

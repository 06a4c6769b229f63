import Glibc

/// *Loop-confined* (to one thread): a plain blocking socket with deadlines.
final class Wire {
    /// *Value*: an SMTP reply.
    struct Reply: Equatable {
        var code: Int
        var text: String
    }

    private(set) var descriptor: Int32
    private var input: [UInt8] = []
    private var start = 0
    private let timeout: Double

    /// Connects to a port of this machine.
    init(port: Int, timeout: Double = 10, receiveBuffer: Int32? = nil) throws {
        self.timeout = timeout
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system("socket") }
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
        var address = Self.loopback(port)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard code == 0 else {
            let failure = Failure.system("connect to port \(port)")
            close()
            throw failure
        }
    }

    /// Takes over an accepted connection.
    init(accepted: Int32, timeout: Double = 30) {
        descriptor = accepted
        self.timeout = timeout
    }

    deinit { close() }

    static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    private func ready(_ events: Int16, until end: Double) throws {
        while true {
            var poll = pollfd(fd: descriptor, events: events, revents: 0)
            let left = Int32(max(0, (end - Now.seconds) * 1000))
            let count = Glibc.poll(&poll, 1, left)
            if count > 0 { return }
            if count < 0, errno == EINTR { continue }
            throw Failure("no answer within \(timeout) s")
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        let end = Now.seconds + timeout
        var offset = 0
        try bytes.withUnsafeBytes { buffer in
            while offset < buffer.count {
                let count = Glibc.send(
                    descriptor, buffer.baseAddress! + offset, buffer.count - offset, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                if count >= 0 {
                    offset += count
                } else if errno == EAGAIN {
                    try ready(Int16(POLLOUT), until: end)
                } else if errno != EINTR {
                    throw Failure.system("send")
                }
            }
        }
    }

    /// Reads what is there; `false` at the end of the stream.
    func fill() throws -> Bool {
        try ready(Int16(POLLIN), until: Now.seconds + timeout)
        if start > 0 {
            if start == input.count { input = [] } else { input.removeSubrange(..<start) }
            start = 0
        }
        let file = descriptor
        var count = 0
        let piece = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, size in
            count = recv(file, buffer.baseAddress, buffer.count, 0)
            size = max(0, count)
        }
        if input.isEmpty { input = piece } else { input += piece }
        if count < 0 {
            if errno == EINTR { return true }
            throw Failure.system("recv")
        }
        return count > 0
    }

    /// Whole lines end with LF; `nil` at the end of the stream.
    func line() throws -> String? {
        var searched = start
        while true {
            let found: Int? = input.withUnsafeBytes { bytes in
                guard searched < bytes.count, let base = bytes.baseAddress, let hit = memchr(base + searched, 10, bytes.count - searched)
                else { return nil }
                return UnsafeRawPointer(hit) - base
            }
            if let end = found {
                let last = end > start && input[end - 1] == 13 ? end - 1 : end
                let text = String(decoding: input[start..<last], as: UTF8.self)
                start = end + 1
                return text
            }
            let pending = input.count - start
            guard try fill() else { return nil }
            searched = start + pending
        }
    }

    /// One reply, all its lines.
    func reply() throws -> Reply {
        var text: [String] = []
        while let line = try line() {
            guard line.utf8.count >= 3, let code = Int(line.prefix(3)) else { throw Failure("no reply: \(line.prefix(100))") }
            text.append(String(line.dropFirst(4)))
            if line.utf8.count == 3 || line.utf8.dropFirst(3).first == UInt8(ascii: " ") {
                return Reply(code: code, text: text.joined(separator: "\n"))
            }
        }
        throw Failure("the server closed the connection")
    }

    /// Says a line and reads the reply.
    func say(_ command: String) throws -> Reply {
        try send(command + "\r\n")
        return try reply()
    }

    /// Everything up to the end of the stream (or `limit`); a reset ends it too.
    func rest(limit: Int = 64 << 20) -> [UInt8] {
        var out = Array(input[start...])
        input = []
        start = 0
        while out.count < limit, (try? fill()) == true {
            out += input
            input = []
        }
        return out
    }

    /// Hands over the bytes that were read and not used.
    func take() -> [UInt8] {
        defer {
            input = []
            start = 0
        }
        return Array(input[start...])
    }

    func giveBack(_ bytes: [UInt8]) { input.insert(contentsOf: bytes, at: start) }

    var available: Int { input.count - start }

    func takeFirst(_ count: Int) -> [UInt8] {
        defer { start += count }
        return Array(input[start..<(start + count)])
    }

    /// Opens a session: banner and EHLO.
    static func session(port: Int, timeout: Double = 10) throws -> Wire {
        let wire = try Wire(port: port, timeout: timeout)
        let banner = try wire.reply()
        guard banner.code == 220 else { throw Failure("banner: \(banner)") }
        let ehlo = try wire.say("EHLO client.test")
        guard ehlo.code == 250 else { throw Failure("EHLO: \(ehlo)") }
        return wire
    }

    /// One whole transaction; the reply that decided about it.
    func transaction(id: String, to recipient: String, from sender: String = "sender@load.test", body: String = "hello\r\n") throws -> Reply
    {
        try send("MAIL FROM:<\(sender)>\r\nRCPT TO:<\(recipient)>\r\nDATA\r\n")
        let mail = try reply()
        let rcpt = try reply()
        let data = try reply()
        guard data.code == 354 else { return mail.code >= 400 ? mail : (rcpt.code >= 400 ? rcpt : data) }
        try send("From: <\(sender)>\r\nTo: <\(recipient)>\r\nSubject: test\r\nMessage-ID: <\(id)>\r\n\r\n\(body).\r\n")
        return try reply()
    }
}

/// *Shared*: a port of this machine that listens and does nothing else.
final class IdleListener: Sendable {
    private let descriptor: Int32
    let port: Int

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        var address = Wire.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let file = descriptor
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, length) == 0 && listen(file, 64) == 0 ? getsockname(file, $0, &length) : -1
            }
        }
        guard code == 0 else { throw Failure.system("listen") }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    /// The next connection.
    func accept(within seconds: Double) throws -> Wire {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, Int32(seconds * 1000)) > 0 else { throw Failure("nobody connected within \(seconds) s") }
        let file = Glibc.accept(descriptor, nil, nil)
        guard file >= 0 else { throw Failure.system("accept") }
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        return Wire(accepted: file)
    }

    deinit { close(descriptor) }
}

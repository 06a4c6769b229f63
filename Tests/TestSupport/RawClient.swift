import Glibc
internal import Platform

/// An SMTP client made of one blocking socket and nothing else. *Loop-confined* to its test.
package final class RawClient {
    private let socket: Int32
    private var input: [UInt8] = []

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        package init(description: String) { self.description = description }
    }

    /// Connects and reads the greeting.
    package init(port: Int, greets: Bool = true) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = RawAddress("127.0.0.1", port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, RawAddress.size)
            }
        }
        guard result == 0 else { throw Failure(description: "cannot connect to \(port): \(String(cString: strerror(errno)))") }
        if greets { greeting = try reply() }
    }

    package private(set) var greeting = ""

    deinit { close(socket) }

    /// Writes bytes as they are.
    package func write(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(description: "cannot write: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    /// Reads one whole reply; empty when the connection ended.
    package func reply() throws -> String {
        var lines: [String] = []
        while true {
            guard let line = try line() else { return lines.joined(separator: "\n") }
            lines.append(line)
            if line.utf8.count < 4 || Array(line.utf8)[3] != UInt8(ascii: "-") { return lines.joined(separator: "\n") }
        }
    }

    private func line() throws -> String? {
        while true {
            if let end = input.firstIndex(of: 10) {
                let line = String(decoding: input[..<end].dropLast(), as: UTF8.self)
                input.removeFirst(end + 1)
                return line
            }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = recv(socket, &chunk, chunk.count, 0)
            if count == 0 { return nil }
            guard count > 0 else {
                if errno == ECONNRESET { return nil }
                throw Failure(description: "no reply: \(String(cString: strerror(errno)))")
            }
            input += chunk[..<count]
        }
    }

    /// Says one line and reads the reply.
    @discardableResult package func say(_ text: String) throws -> String {
        try write(text + "\r\n")
        return try reply()
    }

    /// One transaction; the reply to its end, or to the command that was refused for all.
    @discardableResult package func deliver(
        from sender: String = "news@sender.test", to recipients: [String], id: String = "m@test", body: String = "hello"
    ) throws -> String {
        var reply = try say("MAIL FROM:<\(sender)>")
        guard reply.hasPrefix("250") else { return reply }
        var accepted = 0
        for recipient in recipients {
            reply = try say("RCPT TO:<\(recipient)>")
            if reply.hasPrefix("250") { accepted += 1 }
        }
        guard accepted > 0 else { return reply }
        reply = try say("DATA")
        guard reply.hasPrefix("354") else { return reply }
        return try say("Message-ID: <\(id)>\r\nSubject: test\r\n\r\n\(body)\r\n.")
    }
}

/// A socket that listens, and tells who came. *Loop-confined* to its test.
package final class RawServer {
    private let socket: Int32
    package let port: Int

    package init() throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = RawAddress("127.0.0.1", 0)
        var length = RawAddress.size
        let descriptor = socket
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw RawClient.Failure(description: "cannot listen") }
        port = address.port
    }

    deinit { close(socket) }

    /// The address of the next client, which hears nothing and is hung up on. Holds no thread while it waits: there are as many as cores, and the
    /// node in the same process may need one.
    package func peer() async throws -> String {
        let end = MonotonicInstant.now() + .seconds(60)
        while MonotonicInstant.now() < end {
            if let text = accepted() { return text }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw RawClient.Failure(description: "nobody came")
    }

    private func accepted() -> String? {
        var address = RawAddress("0.0.0.0", 0)
        var length = RawAddress.size
        let descriptor = socket
        let file = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { accept(descriptor, $0, &length) }
        }
        guard file >= 0 else { return nil }
        close(file)
        return address.text
    }
}

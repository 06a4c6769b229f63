import Foundation

/// *Value*: an HTTP answer, fetched with nothing but a socket.
struct HTTPReply {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:] }
    var list: [[String: Any]] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [[String: Any]] ?? [] }

    static func fetch(port: Int, _ method: String, _ path: String, body: [UInt8]? = nil, timeout: Double = 20) throws -> HTTPReply {
        let wire = try Wire(port: port, timeout: timeout)
        var request = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        if let body { request += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n" }
        // A server that refuses early may close before it has read everything.
        try? wire.send(Array((request + "\r\n").utf8) + (body ?? []))
        return try HTTPReply(from: wire)
    }

    /// Reads one answer.
    init(from wire: Wire) throws {
        guard let first = try wire.line() else { throw Failure("no HTTP answer: the connection was closed") }
        let words = first.split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw Failure("no HTTP answer: \(first.prefix(100))")
        }
        self.status = status
        headers = [:]
        while let line = try wire.line(), !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else { throw Failure("no HTTP header: \(line.prefix(100))") }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        body = []
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            while let line = try wire.line(), let size = Int(line, radix: 16), size > 0 {
                body += try Self.bytes(size, wire)
                _ = try wire.line()
            }
        } else if let length = headers["content-length"].flatMap({ Int($0) }) {
            body = try Self.bytes(length, wire)
        }
    }

    private static func bytes(_ count: Int, _ wire: Wire) throws -> [UInt8] { try wire.bytes(count) }
}

extension Wire {
    /// Exactly so many bytes.
    func bytes(_ count: Int) throws -> [UInt8] {
        while available < count { guard try fill() else { throw Failure("the connection was closed early") } }
        return takeFirst(count)
    }
}

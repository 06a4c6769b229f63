import Foundation
import Glibc
import Options
import Shaping
import TestSupport
import Testing

@testable import API
@testable import Delivery
@testable import Node

/// An HTTP client made of one blocking socket: it sends what it is told, byte for byte. *Loop-confined* to its test.
final class RawHTTP {
    /// One answer. *Value.*
    struct Answer {
        var status = 0
        var headers: [(name: String, value: String)] = []
        var body = ""

        func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
    }

    let socket: Int32
    private var input: [UInt8] = []

    init(port: Int, from local: String? = nil, timeout: Int = 10) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let descriptor = socket
        if let local {
            var address = RawAddress(local, 0)
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, RawAddress.size) }
            }
            guard bound == 0 else { throw RawClient.Failure(description: "cannot bind to \(local)") }
        }
        var address = RawAddress("127.0.0.1", port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, RawAddress.size) }
        }
        guard result == 0 else { throw RawClient.Failure(description: "cannot connect to \(port): \(String(cString: strerror(errno)))") }
    }

    deinit { close(socket) }

    /// False when the other side has gone.
    @discardableResult func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    @discardableResult func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Ends our side.
    func finish() { shutdown(socket, Int32(SHUT_WR)) }

    /// Waits on a thread of its own: routes are answered by tasks, and a test that blocks their threads would wait for itself.
    private func more() async throws -> Bool {
        let descriptor = socket
        let piece: Result<[UInt8], RawClient.Failure> = await withCheckedContinuation { done in
            Thread.detachNewThread {
                var chunk = [UInt8](repeating: 0, count: 16_384)
                let count = recv(descriptor, &chunk, chunk.count, 0)
                if count >= 0 {
                    done.resume(returning: .success(Array(chunk[..<count])))
                } else if errno == ECONNRESET {
                    done.resume(returning: .success([]))
                } else {
                    done.resume(returning: .failure(RawClient.Failure(description: "no answer: \(String(cString: strerror(errno)))")))
                }
            }
        }
        let bytes = try piece.get()
        input += bytes
        return !bytes.isEmpty
    }

    /// The next answer; its body goes by Content-Length unless `isHead`. `nil` when the connection has ended.
    func answer(isHead: Bool = false) async throws -> Answer? {
        while true {
            if let end = headEnd() {
                var answer = Answer()
                let lines = String(decoding: input[..<(end - 4)], as: UTF8.self).split(separator: "\r\n")
                answer.status = lines.first.flatMap { Int($0.split(separator: " ").dropFirst().first ?? "") } ?? 0
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    answer.headers.append((String(parts[0]), parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""))
                }
                let length =
                    isHead || answer.status == 204 || answer.status < 200 ? 0 : answer.header("content-length").flatMap { Int($0) } ?? 0
                input.removeFirst(end)
                while input.count < length { guard try await more() else { break } }
                answer.body = String(decoding: input.prefix(length), as: UTF8.self)
                input.removeFirst(min(length, input.count))
                return answer
            }
            guard try await more() else { return nil }
        }
    }

    private func headEnd() -> Int? {
        guard input.count >= 4 else { return nil }
        for index in 0...(input.count - 4)
        where input[index] == 13 && input[index + 1] == 10 && input[index + 2] == 13 && input[index + 3] == 10 { return index + 4 }
        return nil
    }

    /// Whether the other side ends the connection, sooner than the time-out of the socket.
    func isClosed() async -> Bool {
        do {
            while try await more() {}
            return true
        } catch { return false }
    }

    /// One request on a connection of its own.
    static func ask(_ port: Int, _ request: String, isHead: Bool = false, from local: String? = nil) async throws -> Answer {
        let client = try RawHTTP(port: port, from: local)
        client.write(request)
        return try #require(try await client.answer(isHead: isHead))
    }
}

extension Rig {
    /// Runs `body` beside the HTTP listener of the node; gets its port.
    func serving(_ options: [String: ConfigValue] = [:], _ body: (Int) async throws -> Void) async throws {
        var table = options
        table["listen"] = .string("127.0.0.1:0")
        let server = node.httpServer(try HTTPListenerConfig(table))
        let (addresses, bound) = AsyncStream.makeStream(of: String.self)
        let serving = Task { try await server.run { bound.yield($0) } }
        var iterator = addresses.makeAsyncIterator()
        let address = try #require(await iterator.next(isolation: #isolation))
        do {
            try await body(try #require(Int(address.split(separator: ":").last ?? "")))
        } catch {
            serving.cancel()
            _ = try? await serving.value
            throw error
        }
        serving.cancel()
        try await serving.value
    }
}

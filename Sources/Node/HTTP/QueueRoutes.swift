package import Client
import Foundation
import HTTPTypes
import Hummingbird
import Message
import NIOCore

/// *Value*: the queues: listing, pause, resume.
struct QueueRoutes: Sendable {
    let node: Node

    /// *Value*: the body of pause and resume.
    private struct Change: Decodable {
        var queue: String
        var reason: String?
    }

    func add(to router: Router<APIContext>) {
        router.get("api/queues") { _, _ in
            Response(json: ByteBuffer(bytes: try JSONEncoder.api.encode(await node.queueStatus())))
        }
        router.get("api/queues/pauses") { _, _ in
            Response(json: ByteBuffer(bytes: try JSONEncoder.api.encode(node.pauses)))
        }
        router.post("api/queues/pause") { request, context in
            let change = try await body(request)
            let issuer = context.remote?.ipAddress ?? "?"
            try node.services.pauses.pause(change.queue, reason: change.reason ?? "no reason given", issuer: issuer)
            return Response(json: ByteBuffer(bytes: try JSONEncoder.api.encode(node.pauses)))
        }
        router.post("api/queues/resume") { request, _ in
            let change = try await body(request)
            guard try node.services.pauses.resume(change.queue) else {
                return Response(
                    status: .notFound, text: "queue '\(change.queue)' is not paused; GET /api/queues/pauses lists those that are")
            }
            if let queue = node.services.queues.existing(named: change.queue) { queue.shard.postLater(.pump(queue)) }
            return Response(json: ByteBuffer(bytes: try JSONEncoder.api.encode(node.pauses)))
        }
    }

    private func body(_ request: Request) async throws -> Change {
        let buffer: ByteBuffer
        do { buffer = try await request.body.collect(upTo: 65_536) } catch {
            throw HTTPError(.contentTooLarge, message: "the body may have 64 KiB")
        }
        guard let change = try? JSONDecoder().decode(Change.self, from: Data(buffer.readableBytesView)), !change.queue.isEmpty else {
            throw HTTPError(.badRequest, message: "the body must be JSON such as {\"queue\": \"example.com\", \"reason\": \"…\"}")
        }
        return change
    }
}

extension JSONEncoder {
    /// Stable output: sorted keys, slashes as they are.
    static var api: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

extension Node {
    /// Every scheduled queue; the most loaded first.
    package func queueStatus() async -> [QueueStatus] {
        var all: [QueueStatus] = []
        for shard in services.shards.all {
            let queues = services.queues.all.filter { $0.shard === shard }
            let part = try? await shard.loop.submit { queues.map { $0.status() } }.get()
            all += part ?? []
        }
        return all.sorted { ($0.scheduled + $0.active, $1.queue) > ($1.scheduled + $1.active, $0.queue) }
    }

    var pauses: [PauseStatus] {
        services.pauses.all.map {
            PauseStatus(
                queue: $0.queue, reason: $0.reason, issuer: $0.issuer,
                since: MessageDate.rfc3339(unixNanoseconds: $0.since * 1_000_000_000))
        }
    }
}

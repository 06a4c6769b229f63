package import Client
import Cluster
import HTTPTypes
import Hummingbird
import Message
import NIOCore

/// *Value*: the queues: listing, pause, resume.
struct QueueRoutes: Sendable {
    let node: Node

    func add(to router: Router<APIContext>) {
        router.get("api/queues") { _, _ in
            Response(json: await node.queueStatus())
        }
        router.get("api/queues/pauses") { _, _ in
            Response(json: node.pauses)
        }
        router.post("api/queues/pause") { request, context in
            let change = try await body(request)
            let reason = try change.text("reason") ?? ""
            try node.pause(
                try change.required("queue"), reason: reason.isEmpty ? "no reason given" : reason, issuer: RuleRoutes.issuer(context))
            return Response(json: node.pauses)
        }
        router.post("api/queues/resume") { request, context in
            let change = try await body(request)
            let queue = try change.required("queue")
            guard try node.resume(queue, issuer: RuleRoutes.issuer(context)) else {
                return Response(status: .notFound, text: notPaused(queue))
            }
            return Response(json: node.pauses)
        }
    }

    private func notPaused(_ queue: String) -> String {
        if let name = try? QueueName(parsing: queue) {
            if let rule = node.services.control.suspension(of: QueueParts(name, name: name.text)) {
                return
                    "queue '\(queue)' is not paused by itself but suspended: \(rule.sentence); DELETE /api/admin/suspend/v1 with that id ends it"
            }
        }
        return "queue '\(queue)' is not paused; GET /api/queues/pauses lists those that are"
    }

    private func body(_ request: Request) async throws -> RuleRequest {
        let buffer: ByteBuffer
        do { buffer = try await request.body.collect(upTo: 65_536) } catch {
            throw HTTPError(.contentTooLarge, message: "the body may have 64 KiB")
        }
        return try RuleRequest(
            buffer, allowed: ["queue", "reason"], example: #"{"queue": "example.com", "reason": "…"}"#)
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

    /// Pauses a queue until it is resumed.
    func pause(_ queue: String, reason: String, issuer: String) throws {
        let queue = QueueName.canonical(queue)
        let control = services.control
        let former = control.entries(of: .suspend).first { $0.isPause && $0.scope.queues == [queue] }
        _ = try control.issue(
            .rule(.suspend, id: former?.id ?? "", scope: ControlScope(queues: [queue]), reason: reason, issuer: issuer, expires: nil))
    }

    /// Ends what suspends exactly this queue; false when nothing does.
    func resume(_ queue: String, issuer: String) throws -> Bool {
        let scope = ControlScope(queues: [queue]).canonical
        var existed = false
        for entry in services.control.entries(of: .suspend)
        where entry.scope.queues == scope.queues && entry.scope == ControlScope(queues: scope.queues, node: entry.scope.node) {
            existed = try services.control.remove(id: entry.id, issuer: issuer.flattened) || existed
        }
        return existed
    }

    var pauses: [PauseStatus] {
        services.control.entries(of: .suspend).filter(\.isPause).map {
            PauseStatus(
                queue: $0.scope.queues[0], reason: $0.reason, issuer: $0.issuer, since: MessageDate.rfc3339(unixNanoseconds: $0.created))
        }.sorted { $0.queue < $1.queue }
    }
}

import Client
import Cluster
import Control
import Delivery
import HTTPTypes
import Hummingbird
import Message
import NIOCore

/// *Value*: the queues: listing, pause, resume.
struct QueueRoutes: Sendable {
    /// Lists the queues.
    package let inspection: Inspection
    /// Takes the orders.
    package let orders: Orders

    /// Adds the routes.
    package func add(to router: Router<APIContext>) {
        router.get("api/queues") { _, _ in
            Response(json: await inspection.queues())
        }
        router.get("api/queues/pauses") { _, _ in
            Response(json: orders.pauses)
        }
        router.post("api/queues/pause") { request, context in
            let change = try await body(request)
            let reason = try change.text("reason") ?? ""
            try orders.pause(
                try change.required("queue"), reason: reason.isEmpty ? "no reason given" : reason, issuer: RuleRoutes.issuer(context))
            return Response(json: orders.pauses)
        }
        router.post("api/queues/resume") { request, context in
            let change = try await body(request)
            let queue = try change.required("queue")
            guard try orders.resume(queue, issuer: RuleRoutes.issuer(context)) else {
                return Response(status: .notFound, text: notPaused(queue))
            }
            return Response(json: orders.pauses)
        }
    }

    private func notPaused(_ queue: String) -> String {
        if let name = try? QueueName(parsing: queue) {
            if let rule = orders.control.suspension(of: QueueParts(name, name: name.text)) {
                return
                    "queue '\(queue)' is not paused by itself but suspended: \(rule.sentence); DELETE /api/admin/suspend/v1 with that id ends it"
            }
        }
        return "queue '\(queue)' is not paused; GET /api/queues/pauses lists those that are"
    }

    private func body(_ request: Request) async throws -> RuleRequest {
        let buffer: ByteBuffer
        do { buffer = try await request.body.collect(upTo: 65_536) } catch {
            throw HTTPError(.contentTooLarge, message: "the body is larger than 64 KiB")
        }
        return try RuleRequest(
            buffer, allowed: ["queue", "reason"], example: #"{"queue": "example.com", "reason": "…"}"#)
    }
}

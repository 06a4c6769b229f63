import Delivery
import HTTPTypes
import Hummingbird
import NIOCore
import Resources
import Spool
import Telemetry

/// *Value*: `/metrics` and the probes of the lifecycle: alive, ready for new mail, recovered. None depends on DNS or another service.
struct ProbeRoutes: Sendable {
    /// What is asked about.
    package let services: DeliveryServices
    /// One per event loop.
    package let heartbeats: [Heartbeat]

    /// A loop that has not turned for this long is stuck.
    private static let stuck: Int64 = 30_000_000_000

    /// Adds the routes.
    package func add(to router: Router<APIContext>) {
        router.get("metrics") { request, _ in
            let bytes = services.registry.render(prefix: request.uri.queryParameters["prefix"].map { String($0) })
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
        }
        router.get("livez") { _, _ in answer(alive) }
        router.get("readyz") { request, _ in
            let isVerbose = request.uri.queryParameters["verbose"].map { $0 != "0" && $0 != "false" } ?? false
            return isVerbose ? verbose(ready) : answer(ready)
        }
        router.get("startupz") { _, _ in answer(started) }
        router.get("api/check-liveness/v1") { _, _ in answer(ready, ok: "OK") }
    }

    private func answer(_ problems: [String], ok: String = "ok") -> Response {
        problems.isEmpty
            ? Response(status: .ok, text: ok) : Response(status: .serviceUnavailable, text: problems.joined(separator: "; "))
    }

    /// The same with a line for each thing that is wrong without keeping the node from taking mail.
    private func verbose(_ problems: [String]) -> Response {
        var lines = problems.isEmpty ? ["ok"] : problems
        lines += services.spool.damages.map { "damaged: \($0)" }
        return Response(
            status: problems.isEmpty ? .ok : .serviceUnavailable, text: lines.joined(separator: "\n"))
    }

    private var alive: [String] {
        let now = Clock.monotonic()
        return heartbeats.enumerated().compactMap { index, heartbeat in
            let age = heartbeat.age(now: now)
            return age > Self.stuck ? "event loop \(index) has not turned for \(age / 1_000_000_000) s" : nil
        }
    }

    private var ready: [String] {
        var problems: [String] = []
        switch services.state.phase {
        case .starting: problems.append("starting")
        case .ready: break
        case .stopping: problems.append("shutting down")
        }
        switch services.spool.health {
        case .ok: break
        case .full(let reason): problems.append("disk is too full: \(reason)")
        case .missing(let reason): problems.append("spool directory: \(reason)")
        case .fenced(let reason): problems.append("spool: \(reason)")
        }
        if let reason = services.logs.refusal { problems.append("logs: \(reason)") }
        if services.resident.isExhausted { problems.append("memory: load shedding") }
        return problems
    }

    private var started: [String] { services.state.isRecovered ? [] : ["the spool is still being read"] }
}

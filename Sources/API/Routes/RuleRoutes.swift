import Client
import Cluster
import Control
import Delivery
import HTTPTypes
import Hummingbird
import Message
import NIOCore
import Options
import Platform
import Shaping

/// *Value*: `/api/admin/…`: suspending, bouncing and rebinding, with the paths and fields of KumoMTA's API.
///
/// A rule is durable on this node before it is answered, and in a cluster it holds on all nodes.
struct RuleRoutes: Sendable {
    /// Counts what a bounce would end.
    package let inspection: Inspection
    /// Takes the orders.
    package let orders: Orders
    /// The members.
    package let view: any ClusterView

    /// What a rule lasts when the request does not say: five minutes, a rebind an hour (nodes that are away carry it out when they return).
    private static let standard: Int64 = 300_000_000_000
    private static let rebindLife: Int64 = 3600_000_000_000

    private var control: ControlState { orders.control }
    private var members: [String] { view.members().map(\.node) }

    /// Adds the routes.
    package func add(to router: Router<APIContext>) {
        addListing(.suspend, "api/admin/suspend/v1", noun: "suspension", to: router)
        addListing(.suspendPath, "api/admin/suspend-ready-q/v1", noun: "suspension of a path", to: router)
        addListing(.bounce, "api/admin/bounce/v1", noun: "bounce", to: router)

        router.post("api/admin/suspend/v1") { request, context in
            let body = try await body(request, ["reason", "node"] + RuleRequest.matching + RuleRequest.lifetime)
            let entry = try issue(.suspend, body, scope: try body.scope(nodes: members), context)
            return Response(json: RuleID(id: entry.id))
        }
        router.post("api/admin/suspend-ready-q/v1") { request, context in
            let body = try await body(request, ["name", "reason", "node"] + RuleRequest.lifetime)
            let name = try body.required("name")
            guard name.contains("->"), name.contains("@") else {
                throw HTTPError(
                    .badRequest,
                    message:
                        "'\(name.prefix(200))' is not the name of an egress path; such a name is source->site@smtp_client, as blocked_by and the logs show it"
                )
            }
            let scope = ControlScope(path: name, node: try body.node(of: members))
            let entry = try issue(.suspendPath, body, scope: scope, context)
            return Response(json: RuleID(id: entry.id))
        }
        router.post("api/admin/bounce/v1") { request, context in
            let body = try await body(request, ["reason", "node", "suppress_logging"] + RuleRequest.matching + RuleRequest.lifetime)
            let payload = BouncePayload.text(suppressLogging: try body.flag("suppress_logging"))
            let entry = try issue(.bounce, body, scope: try body.scope(nodes: members), payload: payload, context)
            orders.bounces.keep(Set(control.entries(of: .bounce).map(\.id)))
            let tally = orders.bounces.tally(entry.id)
            return Response(json: BounceCount(id: entry.id, bounced: tally.queues, totalBounced: tally.total))
        }
        router.get("api/admin/bounce/v1/count") { request, _ in
            Response(json: await inspection.bounceCount(try scope(of: request.uri.query ?? "")))
        }
        router.post("api/admin/rebind/v1") { request, context in
            let fields = ["reason", "node", "data", "always_flush", "suppress_logging", "trigger_rebind_event"] + RuleRequest.matching
            let body = try await body(request, fields)
            guard try !body.flag("trigger_rebind_event") else {
                throw HTTPError(
                    .badRequest, message: "'trigger_rebind_event' is not supported yet by this version; give the new metadata in 'data'")
            }
            let payload = Rebind.payload(
                data: try body.data(), alwaysFlush: try body.flag("always_flush"), suppressLogging: try body.flag("suppress_logging"))
            let entry = ControlEntry.rule(
                .rebind, scope: try body.scope(nodes: members), payload: payload, reason: try body.required("reason"),
                issuer: Self.issuer(context), expires: control.clock().addingClamped(Self.rebindLife))
            return Response(json: RuleID(id: try control.issue(entry).id))
        }
    }

    // MARK: Listing and ending

    private func addListing(_ kind: ControlKind, _ path: String, noun: String, to router: Router<APIContext>) {
        router.get(RouterPath(path)) { _, _ in Response(json: control.entries(of: kind).map { status($0) }) }
        router.delete(RouterPath(path)) { request, context in
            var id = request.uri.queryParameters["id"].map { String($0) }
            if id == nil { id = try await body(request, ["id"]).required("id") }
            guard let id, let entry = control.entry(id: id), entry.kind == kind,
                try control.remove(id: id, issuer: Self.issuer(context))
            else {
                return Response(
                    status: .notFound,
                    text: "no \(noun) has the id '\((id ?? "").prefix(100))'; it may be over. GET /\(path) lists those in force")
            }
            return Response(status: .ok, text: "ok")
        }
    }

    private func status(_ entry: ControlEntry) -> RuleStatus {
        var status = RuleStatus(
            id: entry.id, reason: entry.reason, issuer: entry.issuer, created: MessageDate.rfc3339(unixNanoseconds: entry.created))
        if let expires = entry.expires {
            status.expires = MessageDate.rfc3339(unixNanoseconds: expires)
            status.duration = DurationText.text(.seconds((control.remaining(entry) ?? .zero).components.seconds))
        }
        let scope = entry.scope
        status.domain = scope.domain
        status.routingDomain = scope.routingDomain
        status.tenant = scope.tenant
        status.campaign = scope.campaign
        status.queueNames = scope.queues.isEmpty ? nil : scope.queues
        status.name = scope.path
        status.everything = scope.isEverything ? true : nil
        status.node = scope.node
        if entry.kind == .bounce {
            let tally = orders.bounces.tally(entry.id)
            status.bounced = tally.queues
            status.totalBounced = tally.total
        }
        return status
    }

    // MARK: Issuing

    /// Makes the rule, in place of one with the same scope.
    private func issue(
        _ kind: ControlKind, _ body: RuleRequest, scope: ControlScope, payload: String = "", _ context: APIContext
    ) throws -> ControlEntry {
        let expires = try body.expires(now: control.clock(), standard: Self.standard)
        let reason = try body.required("reason")
        return try orders.issue(kind, scope: scope, payload: payload, reason: reason, issuer: Self.issuer(context), expires: expires)
    }

    private func body(_ request: Request, _ fields: [String]) async throws -> RuleRequest {
        let buffer: ByteBuffer
        do { buffer = try await request.body.collect(upTo: 1 << 20) } catch {
            throw HTTPError(.contentTooLarge, message: "the body is larger than 1 MiB")
        }
        return try RuleRequest(buffer, allowed: fields)
    }

    /// The criteria of a query: the same names as in a body; `queue_names` may come several times or separated by commas.
    private func scope(of query: String) throws -> ControlScope {
        var table: [String: ConfigValue] = [:]
        for (key, value) in FormQuery.items(query) {
            switch key {
            case "queue_names": table[key] = .list(FormQuery.list(key, in: query).map { .string($0) })
            case "everything": table[key] = .bool(value == "true" || value == "1")
            default: table[key] = .string(value)
            }
        }
        return try RuleRequest(table, allowed: RuleRequest.matching).scope(nodes: members)
    }

    static func issuer(_ context: APIContext) -> String { context.remote?.ipAddress ?? "?" }
}

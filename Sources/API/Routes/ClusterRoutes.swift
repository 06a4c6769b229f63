import Client
import Cluster
import Control
import HTTPTypes
import Hummingbird
import Message
import NIOCore

/// *Value*: who is in the cluster, what its limits are, and why something does not move.
struct ClusterRoutes: Sendable {
    /// The name of this node.
    package let own: String
    /// The members and their limits.
    package let view: any ClusterView
    /// Says why something does not move.
    package let explainer: Explainer

    /// Adds the routes.
    package func add(to router: Router<APIContext>) {
        router.get("api/members") { _, _ in Response(json: members) }
        router.post("api/members/forget") { request, _ in
            let buffer: ByteBuffer
            do { buffer = try await request.body.collect(upTo: 65_536) } catch {
                throw HTTPError(.contentTooLarge, message: "the body is larger than 64 KiB")
            }
            try await forget(try RuleRequest(buffer, allowed: ["node"]).required("node"))
            return Response(json: members)
        }
        router.get("api/limits") { request, _ in
            let cluster = try Self.flag(request, "cluster", standard: true)
            return Response(json: await view.limits(cluster: cluster))
        }
        router.get("api/explain") { request, _ in
            let question = try ExplainQuestion(FormQuery.parameters(request.uri.query ?? ""))
            let cluster = try Self.flag(request, "cluster", standard: false)
            return Response(json: await explainer.explain(question, cluster: cluster))
        }
    }

    private static func flag(_ request: Request, _ key: String, standard: Bool) throws -> Bool {
        switch request.uri.queryParameters[Substring(key)] {
        case nil: return standard
        case "true"?, "1"?: return true
        case "false"?, "0"?: return false
        case let other?: throw HTTPError(.badRequest, message: "'\(key)' must be true or false, not '\(other.prefix(50))'")
        }
    }

    private var members: [MemberStatus] {
        return view.members().sorted { $0.node < $1.node }.map { member in
            MemberStatus(
                node: member.node, address: member.address, zone: member.zone, version: member.version, state: member.state,
                status: "\(member.status)", spools: member.spools, joined: MessageDate.rfc3339(unixNanoseconds: member.joined),
                lastSeen: Double(member.lastSeen) / 1000, isSelf: member.node == own)
        }
    }

    private func forget(_ name: String) async throws {
        guard let member = view.members().first(where: { $0.node == name }) else {
            throw HTTPError(.notFound, message: "no node is called '\(name.prefix(100))'; GET /api/members lists them")
        }
        guard member.node != own else {
            throw HTTPError(.conflict, message: "this is the node '\(name)' itself; ask another member to forget it, once it has stopped")
        }
        guard member.status == .gone else {
            throw HTTPError(
                .conflict,
                message: "node '\(name)' was heard of \(member.lastSeen / 1000) s ago; stop it, and forget it when it is gone (15 s)")
        }
        guard await view.forget(node: name) else {
            throw HTTPError(.serviceUnavailable, message: "Redis did not confirm that '\(name)' is forgotten; try again")
        }
    }
}

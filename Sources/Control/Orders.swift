package import Client
package import Cluster
package import Delivery
import Message

/// *Value*: what an operator or a policy may order: suspend, bounce, pause and resume. HTTP and Lua issue their orders here.
package struct Orders: Sendable {
    /// The orders in force.
    package let control: ControlState
    /// What bounces have ended so far.
    package let bounces: BounceTallies

    /// Orders for the node of these services.
    package init(_ services: DeliveryServices) {
        control = services.control
        bounces = services.bounces
    }

    /// Makes the rule, in place of one of its kind with the same scope.
    /// - Parameter expires: Unix nanoseconds.
    package func issue(
        _ kind: ControlKind, scope: ControlScope, payload: String = "", reason: String, issuer: String, expires: Int64?
    ) throws(ControlError) -> ControlEntry {
        let former = control.entries(of: kind).first { $0.scope == scope }
        return try control.issue(
            .rule(kind, id: former?.id ?? "", scope: scope, payload: payload, reason: reason, issuer: issuer, expires: expires))
    }

    // MARK: Pauses

    /// Pauses a queue until it is resumed.
    package func pause(_ queue: String, reason: String, issuer: String) throws {
        let queue = QueueName.canonical(queue)
        let former = control.entries(of: .suspend).first { $0.isPause && $0.scope.queues == [queue] }
        _ = try control.issue(
            .rule(.suspend, id: former?.id ?? "", scope: ControlScope(queues: [queue]), reason: reason, issuer: issuer, expires: nil))
    }

    /// Ends what suspends exactly this queue; false when nothing does.
    package func resume(_ queue: String, issuer: String) throws -> Bool {
        let scope = ControlScope(queues: [queue]).canonical
        var existed = false
        for entry in control.entries(of: .suspend)
        where entry.scope.queues == scope.queues && entry.scope == ControlScope(queues: scope.queues, node: entry.scope.node) {
            existed = try control.remove(id: entry.id, issuer: issuer.flattened) || existed
        }
        return existed
    }

    /// The queues that are paused, by name.
    package var pauses: [PauseStatus] {
        control.entries(of: .suspend).filter(\.isPause).map {
            PauseStatus(
                queue: $0.scope.queues[0], reason: $0.reason, issuer: $0.issuer, since: MessageDate.rfc3339(unixNanoseconds: $0.created))
        }.sorted { $0.queue < $1.queue }
    }
}

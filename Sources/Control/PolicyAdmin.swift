package import Cluster
import Delivery
import NIOPosix
import Platform
package import Policy
import Resources
import Shaping
import Telemetry

/// *Value*: what `kumo.api.admin.*` of a policy orders, as the rule all nodes see.
package enum PolicyAdmin {
    /// Issues the rule, in place of one of the same kind with the same scope; answers its id at once.
    ///
    /// It waits for the disk on a thread of its own, since a handler runs on an event loop; what is refused there is logged.
    package static func issue(_ request: PolicyAdminRequest, _ control: ControlState) -> Result<String, PolicyError> {
        let action = request.action
        let kind: ControlKind
        switch action.kind {
        case .suspend: kind = .suspend
        case .suspendReadyQueue: kind = .suspendPath
        case .bounce: kind = .bounce
        }
        var scope = ControlScope(path: action.path)
        scope.domain = action.domain
        scope.routingDomain = action.routingDomain
        scope.tenant = action.tenant
        scope.campaign = action.campaign
        scope.queues = action.queueNames
        scope.isEverything = action.isEverything
        scope = scope.canonical
        let expires: Int64
        switch action.lifetime {
        case .duration(let duration): expires = control.clock().addingClamped(duration.wholeNanoseconds)
        case .until(let moment): expires = moment
        }
        let former = control.entries(of: kind).first { $0.scope == scope }
        let id = former?.id ?? String(format128: (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)))
        let entry = ControlEntry.rule(
            kind, id: id, scope: scope,
            payload: kind == .bounce ? BouncePayload.text(suppressLogging: action.suppressLogging) : "", reason: action.reason,
            issuer: "policy \(request.source)", expires: expires)
        NIOThreadPool.singleton.submit { _ in
            do throws(ControlError) { _ = try control.issue(entry) } catch {
                Log.error("a rule of the policy is refused", ["source": request.source, "error": "\(error)"])
            }
        }
        return .success(id)
    }
}

extension String {
    /// 32 hexadecimal digits.
    fileprivate init(format128 number: (UInt64, UInt64)) {
        func digits(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        self = digits(number.0) + digits(number.1)
    }
}

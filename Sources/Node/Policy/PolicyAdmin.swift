import Cluster
import Policy
import Shaping

/// *Value*: what `kumo.api.admin.*` of a policy orders, as the rule all nodes see.
enum PolicyAdmin {
    /// Issues the rule, in place of one of the same kind with the same scope; answers its id.
    ///
    /// It writes a small file before it returns: what a policy ordered must not be forgotten by a crash.
    static func issue(_ request: PolicyAdminRequest, _ control: ControlState) -> Result<String, PolicyError> {
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
        scope = scope.normalized
        let expires: Int64
        switch action.lifetime {
        case .duration(let duration): expires = Clock.wall() + duration.wholeNanoseconds
        case .until(let moment): expires = moment
        }
        let former = control.entries(of: kind).first { $0.scope == scope }
        do throws(ControlError) {
            let entry = try control.issue(
                .rule(
                    kind, id: former?.id ?? "", scope: scope,
                    payload: kind == .bounce ? BouncePayload.text(suppressLogging: action.suppressLogging) : "", reason: action.reason,
                    issuer: "policy \(request.source)", expires: expires))
            return .success(entry.id)
        } catch {
            return .failure(.failed(message: "\(error)"))
        }
    }
}

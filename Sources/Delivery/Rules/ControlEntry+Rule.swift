package import Cluster
import Telemetry

extension ControlEntry {
    /// A new rule; the state gives it an id, its node and its time. Without an id of its own it replaces none.
    package static func rule(
        _ kind: ControlKind, id: String = "", scope: ControlScope, payload: String = "", reason: String, issuer: String, expires: Int64?
    ) -> ControlEntry {
        ControlEntry(
            id: id, kind: kind, scope: scope, payload: payload, reason: reason.flattened, issuer: issuer.flattened, expires: expires)
    }
}

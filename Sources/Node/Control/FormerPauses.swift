package import Cluster
import Glibc
import Telemetry

/// *Value* (a namespace): the file in which earlier versions kept paused queues, taken over once.
///
/// *Diagnostics*: a damaged file is an error that names it; the file is removed only when every pause is durable in its new place.
enum FormerPauses {
    /// Makes a rule of each pause in the file, if there is one.
    static func takeOver(directory: String, into control: ControlState) throws {
        let file = directory + "/paused-queues"
        guard let text = try FileText.read(file) else { return }
        var count = 0
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 4, Int64(fields[0]) != nil else {
                throw NodeError("the list of paused queues \(file) is damaged; repair or remove that file and start again")
            }
            let scope = ControlScope(queues: [fields[1]]).canonical
            guard !control.entries.contains(where: { $0.kind == .suspend && $0.scope == scope }) else { continue }
            _ = try control.issue(.rule(.suspend, scope: scope, reason: fields[3], issuer: fields[2], expires: nil))
            count += 1
        }
        guard unlink(file) == 0 else { throw NodeError("cannot remove \(file) after it was taken over: \(NodeError.errnoText)") }
        Log.info("paused queues taken over", ["file": file, "pauses": count])
    }
}

extension ControlEntry {
    /// A new rule; the state gives it an id, its node and its time. Without an id of its own it replaces none.
    package static func rule(
        _ kind: ControlKind, id: String = "", scope: ControlScope, payload: String = "", reason: String, issuer: String, expires: Int64?
    ) -> ControlEntry {
        ControlEntry(
            id: id, kind: kind, scope: scope, payload: payload, reason: reason.flattened, issuer: issuer.flattened, expires: expires)
    }
}

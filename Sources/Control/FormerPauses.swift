package import Cluster
import Delivery
import Glibc
import Resources
package import Spool
import Telemetry

/// *Value* (a namespace): the file in which earlier versions kept paused queues, taken over once.
///
/// *Diagnostics*: a damaged file is an error that names it; the file is removed only when every pause is durable in its new place.
package enum FormerPauses {
    /// Makes a rule of each pause in the file, if there is one.
    package static func takeOver(directory: String, into control: ControlState) throws {
        let file = directory + "/paused-queues"
        guard let pauses = try read(file) else { return }
        var count = 0
        for fields in pauses {
            let scope = ControlScope(queues: [fields[1]]).canonical
            guard !control.entries.contains(where: { $0.kind == .suspend && $0.scope == scope }) else { continue }
            _ = try control.issue(.rule(.suspend, scope: scope, reason: fields[3], issuer: fields[2], expires: nil))
            count += 1
        }
        guard unlink(file) == 0 else { throw NodeError("cannot remove \(file) after it was taken over: \(NodeError.errnoText)") }
        Log.info("paused queues taken over", ["file": file, "pauses": count])
    }

    /// What is wrong with the file, if there is one.
    package static func damage(directory: String) -> SpoolDamage? {
        do throws(NodeError) {
            _ = try read(directory + "/paused-queues")
            return nil
        } catch { return SpoolDamage(file: "paused-queues", what: error.message) }
    }

    /// The four fields of each pause.
    private static func read(_ file: String) throws(NodeError) -> [[String]]? {
        func damaged(_ why: String) -> NodeError {
            NodeError(
                "the list of paused queues \(file) is damaged\(why): mail for them must not be sent; repair it and start again, or remove it "
                    + "(rm -r '\(file)') and pause the queues anew with `apus suspend`")
        }
        let found: String?
        do throws(NodeError) { found = try FileText.read(file) } catch { throw damaged(" (\(error.message))") }
        guard let text = found else { return nil }
        // The last line was cut.
        guard text.isEmpty || text.hasSuffix("\n") else { throw damaged("") }
        return try text.split(separator: "\n").map { line throws(NodeError) in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 4, Int64(fields[0]) != nil else { throw damaged("") }
            return fields
        }
    }
}

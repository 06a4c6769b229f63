import Cluster
import Control
import Delivery
import Resources
package import Spool

// What `apus spool` says of the files beside the spool.
extension StateFiles {
    /// What is wrong with the files beside the spool; nothing is changed.
    package static func damages(_ directory: String) -> [SpoolDamage] {
        let words = SpoolIdentity.words(in: directory)
        var found = ControlCheck.damages(directory: directory, mustExist: words.contains("control")).map {
            SpoolDamage(file: $0.file, what: $0.what)
        }
        for name in [AppliedRebinds.name, ClusterMemory.name] {
            switch look(directory, name, mustBeChecked: words.contains(name)) {
            case .text: break
            case .missing: if words.contains(name) { found.append(SpoolDamage(file: name, what: "is missing")) }
            case .damaged(let what): found.append(SpoolDamage(file: name, what: what))
            }
        }
        if let damage = LimitJournal.damage(directory: directory, mustExist: words.contains(LimitJournal.name)) {
            found.append(SpoolDamage(file: LimitJournal.name, what: damage))
        }
        if let damage = FormerPauses.damage(directory: directory) { found.append(damage) }
        return found
    }

    /// Gives up the rules that only this node had, after their files were lost. The node must be down.
    package static func forgetOrders(_ directory: String) throws {
        if SpoolInspection.isInUse(directory) {
            throw NodeError("a node runs on \(directory); `apus resume` and `apus queues` change the rules of a running one")
        }
        try ControlCheck.forget(directory: directory)
    }
}

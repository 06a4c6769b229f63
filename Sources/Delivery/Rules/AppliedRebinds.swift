package import Resources
import Synchronization

/// *Shared*: the rebinds this node has carried out, in a small file beside the spool, so that a restart does not read every message again.
///
/// *Diagnostics*: a file that cannot be read or written is logged; the price is that a rebind is applied once more, which changes nothing.
package final class AppliedRebinds: Sendable {
    /// The name of the file.
    package static let name = "rebinds-done"
    private let files: StateFiles
    private let ids: Mutex<Set<String>>

    /// Reads what was carried out before.
    package init(files: StateFiles) {
        self.files = files
        let text = files.read(Self.name, loss: "rebinds in force are applied once more") ?? ""
        ids = Mutex(Set(text.split(separator: "\n").map(String.init)))
    }

    /// Whether the rebind was carried out.
    package func contains(_ id: String) -> Bool { ids.withLock { $0.contains(id) } }

    /// Notes a rebind, and forgets those that are over. Does not wait for the disk.
    package func add(_ id: String, living: Set<String>) {
        ids.withLock { ids in
            ids = ids.filter { living.contains($0) }
            ids.insert(id)
            // Within the lock: of two texts the newer must come second.
            files.replaceSoon(Self.name, with: ids.sorted().map { $0 + "\n" }.joined())
        }
    }
}

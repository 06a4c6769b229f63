import NIOPosix
package import Resources
import Synchronization
import Telemetry

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

    /// Notes a rebind, and forgets those that are over. Writes on a thread of its own: loops do not wait for disks.
    package func add(_ id: String, living: Set<String>) {
        let text = ids.withLock { ids in
            ids = ids.filter { living.contains($0) }
            ids.insert(id)
            return ids.sorted().map { $0 + "\n" }.joined()
        }
        NIOThreadPool.singleton.submit { [files] _ in
            do throws(NodeError) { try files.replace(Self.name, with: text) } catch {
                Log.error("the list of applied rebinds cannot be written", ["error": error.message])
            }
        }
    }
}

import NIOPosix
import Synchronization
import Telemetry

/// *Shared*: the rebinds this node has carried out, in a small file beside the spool, so that a restart does not read every message again.
///
/// *Diagnostics*: a file that cannot be read or written is logged; the price is that a rebind is applied once more, which changes nothing.
final class AppliedRebinds: Sendable {
    private let file: String
    private let ids: Mutex<Set<String>>

    init(directory: String) {
        file = directory + "/rebinds-done"
        var known: Set<String> = []
        do throws(NodeError) {
            for line in (try FileText.read(file) ?? "").split(separator: "\n") { known.insert(String(line)) }
        } catch { Log.error("the list of applied rebinds cannot be read", ["error": error.message]) }
        ids = Mutex(known)
    }

    /// Whether the rebind was carried out.
    func contains(_ id: String) -> Bool { ids.withLock { $0.contains(id) } }

    /// Notes a rebind, and forgets those that are over. Writes on a thread of its own: loops do not wait for disks.
    func add(_ id: String, living: Set<String>) {
        let text = ids.withLock { ids in
            ids = ids.filter { living.contains($0) }
            ids.insert(id)
            return ids.sorted().map { $0 + "\n" }.joined()
        }
        NIOThreadPool.singleton.submit { [file] _ in
            do throws(NodeError) { try FileText.replace(file, with: text) } catch {
                Log.error("the list of applied rebinds cannot be written", ["error": error.message])
            }
        }
    }
}

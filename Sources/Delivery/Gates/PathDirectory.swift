import Synchronization

/// *Shared*: the egress paths of the node by name.
package final class PathDirectory: Sendable {
    private let paths = Mutex<[String: PathGate]>([:])

    /// No path yet.
    package init() {}

    /// The path of that name; made by `make` when there is none.
    package func path(named name: String, make: () -> PathGate) -> PathGate {
        paths.withLock { paths in
            if let path = paths[name], !path.isRetired { return path }
            let path = make()
            paths[name] = path
            return path
        }
    }

    /// The path of that name, if there is one.
    package func existing(named name: String) -> PathGate? { paths.withLock { $0[name] } }

    /// Forgets a path that was given up.
    package func remove(_ path: PathGate) {
        paths.withLock { paths in
            if paths[path.name] === path { paths[path.name] = nil }
        }
    }

    /// All paths, in no order.
    package var all: [PathGate] { paths.withLock { Array($0.values) } }
}

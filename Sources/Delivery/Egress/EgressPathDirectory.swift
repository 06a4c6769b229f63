import Synchronization

/// *Shared*: the egress paths of the node by name.
package final class EgressPathDirectory: Sendable {
    private let paths = Mutex<[String: EgressPath]>([:])

    package func path(named name: String, make: () -> EgressPath) -> EgressPath {
        paths.withLock { paths in
            if let path = paths[name], !path.isRetired { return path }
            let path = make()
            paths[name] = path
            return path
        }
    }

    package func remove(_ path: EgressPath) {
        paths.withLock { paths in
            if paths[path.name] === path { paths[path.name] = nil }
        }
    }

    package var all: [EgressPath] { paths.withLock { Array($0.values) } }
}

package import DNS
import Message
import Synchronization

// How a shard finds queues and paths, whatever loop they live on.
extension Shard {
    /// The scheduled queue of that name; a new one lives where its site (when known) or its domain hashes to.
    package func queue(named name: String) -> ScheduledQueue {
        if let known = knownQueues[name], !known.isRetired { return known }
        if knownQueues.count > 200_000 { knownQueues.removeAll(keepingCapacity: true) }
        let queue = services.queue(named: name)
        knownQueues[name] = queue
        return queue
    }

    /// The path from `source` to the site of `route`; it lives where the site hashes to.
    package func path(source: QueueSetup.Source, route: MailRoute, queue: ScheduledQueue) -> EgressPath {
        let key = PathKey(source: source.name, site: route.siteName)
        if let known = knownPaths[key], !known.isRetired {
            refresh(known, route)
            return known
        }
        if knownPaths.count > 200_000 { knownPaths.removeAll(keepingCapacity: true) }
        let name = "\(source.name)->\(route.siteName)@smtp_client"
        let path = services.paths.path(named: name) {
            EgressPath(
                name: name, source: source, route: route, domain: queue.routingDomain,
                shard: services.shards.shard(for: route.siteName))
        }
        knownPaths[key] = path
        refresh(path, route)
        return path
    }

    private func refresh(_ path: EgressPath, _ route: MailRoute) {
        guard path.routeExpires.load(ordering: .relaxed) < route.expires else { return }
        path.routeExpires.store(route.expires, ordering: .relaxed)
        path.shard.post(.run { path.route = route })
    }
}

/// *Value*: names an egress path without building its text.
struct PathKey: Hashable {
    package let source: String
    package let site: String
}

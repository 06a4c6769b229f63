package import Cluster
import NIOPosix
package import Platform
package import Resources
import Synchronization
import Telemetry

/// *Shared*: carries a changed rule to the queues and paths it is about, at once.
///
/// A rule that names its queues touches only those; another looks through the names of all queues once, a batch per turn of their loops.
/// The services are the owner's: this object does not keep them.
package final class RuleWatch: Sendable {
    private let applied: AppliedRebinds
    /// Rebinds that were begun in this process.
    private let begun = Mutex<Set<String>>([])
    /// What the rules in force are about: the news that a rule has gone need not say it any more.
    private let scopes = Mutex<[String: ControlScope]>([:])

    /// A watch that remembers the rebinds it has carried out in `files`.
    package init(files: StateFiles) { applied = AppliedRebinds(files: files) }

    /// The same beside a spool that is not told of damage.
    package convenience init(directory: String) { self.init(files: StateFiles(directory: directory, spool: nil)) }

    /// Learns of the rules that are in force already.
    package func start(_ entries: [ControlEntry], now: MonotonicInstant) {
        for entry in entries where Self.kinds.contains(entry.kind) { _ = swap(entry, now: now) }
    }

    private static let kinds: Set<ControlKind> = [.suspend, .bounce, .suspendPath]

    /// The scope the entry has now and the one it had before.
    private func swap(_ entry: ControlEntry, now: MonotonicInstant) -> Set<ControlScope> {
        let isLive = entry.isLive(at: now)
        let former = scopes.withLock { scopes in
            defer { scopes[entry.id] = isLive ? entry.scope : nil }
            return scopes[entry.id]
        }
        return isLive ? Set([entry.scope] + (former.map { [$0] } ?? [])) : Set([former ?? entry.scope])
    }

    /// Rules were added, changed or removed; from any thread.
    package func changed(_ entries: [ControlEntry], _ services: DeliveryServices) {
        let now = services.control.now
        for entry in entries where entry.isFor(node: services.control.node) || Self.kinds.contains(entry.kind) {
            switch entry.kind {
            case .suspend, .bounce:
                for scope in swap(entry, now: now) where scope.node == nil || scope.node == services.control.node { touch(scope, services) }
            case .suspendPath:
                let paths = swap(entry, now: now).map(\.path)
                touchPaths(services) { path in paths.contains { $0 == nil || $0 == path.name } }
            case .rebind:
                // Until the spool has been read nobody knows what is here: `recovered` comes back to it.
                if entry.isLive(at: now), services.state.isRecovered { begin(entry, services) }
            default: break  // the kinds that are no rules
            }
        }
    }

    /// The spool has been read: rules about what it held apply now. `services.state.isRecovered` is set before.
    package func recovered(_ services: DeliveryServices) {
        let now = services.control.now
        for entry in services.control.entries.sorted(by: { ($0.version, $0.created) < ($1.version, $1.created) })
        where entry.isFor(node: services.control.node) && entry.isLive(at: now) {
            switch entry.kind {
            case .rebind: begin(entry, services)
            case .bounce: touch(entry.scope, services)
            default: break
            }
        }
    }

    // MARK: Suspending and bouncing

    private func touch(_ scope: ControlScope, _ services: DeliveryServices) {
        find(scope, services) { [self] queues in
            services.shards.post(queues, .rulesChanged)
            // The messages of these queues may be in isolation groups, whose names say nothing of it.
            services.shards.post(services.queues.groups, .originsChanged(scope))
            // What these queues have in ready queues comes back from there. Paths are few beside queues.
            touchPaths(services) { _ in true }
        }
    }

    private func touchPaths(_ services: DeliveryServices, where isMeant: (PathGate) -> Bool) {
        for path in services.paths.all where isMeant(path) { services.post(path, .obeyRules) }
    }

    /// The queues of a scope. Those with names are looked up; for others all names are gone through, which the caller, maybe an event
    /// loop, does not wait for.
    private func find(_ scope: ControlScope, _ services: DeliveryServices, then: @escaping @Sendable ([QueueGate]) -> Void) {
        guard scope.queues.isEmpty else {
            return then(scope.queues.compactMap { services.queues.existing(named: $0) }.filter { scope.matches(queue: $0.parts) })
        }
        NIOThreadPool.singleton.submit { _ in then(services.queues.all.filter { scope.matches(queue: $0.parts) }) }
    }

    // MARK: Rebinding

    private func begin(_ entry: ControlEntry, _ services: DeliveryServices) {
        guard !applied.contains(entry.id), begun.withLock({ $0.insert(entry.id).inserted }) else { return }
        let control = services.control
        find(entry.scope, services) { [self] queues in
            let run = RebindRun(queues: queues.count) { [applied] in
                applied.add(entry.id, living: Set(control.entries(of: .rebind).map(\.id)))
            }
            guard let rebind = Rebind(entry, run: run, services.clocks) else {
                return Log.error("a rebind cannot be read; a newer version may have issued it", ["id": entry.id, "issuer": entry.issuer])
            }
            services.shards.post(queues, .rebind(rebind))
            touchPaths(services) { _ in true }
        }
    }
}

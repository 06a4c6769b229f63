import Cluster
import Delivery
import NIOCore
import Redis
import Resources
import Shaping
import Telemetry

/// *State machine*: what to tell the operator when the right by which limits are used changes: once per node, not once per limit.
struct LimitModeWatch: Sendable {
    /// *Value*: one line of the log.
    struct Line: Sendable, Equatable {
        var level: LogLevel
        var message: String
        var mode: LimitMode
    }

    private let shareSeconds: Int64
    /// What was said last; nil before the first word.
    private var said: LimitMode?

    init(settings: ClusterSettings) { shareSeconds = max(1, settings.shareTTL / 1_000_000_000) }

    /// The modes of all buckets now; the line to write, or nil.
    mutating func observe(_ modes: [LimitMode]) -> Line? {
        guard let mode = modes.max(by: { Self.weight($0) < Self.weight($1) }), mode != (said ?? .redis) else { return nil }
        let former = said
        said = mode
        return line(mode, isFirst: former == nil)
    }

    private func line(_ mode: LimitMode, isFirst: Bool) -> Line {
        switch mode {
        case .redis: Line(level: .info, message: "redis answers again: limits are leased from it", mode: mode)
        case .share:
            Line(
                level: .warn,
                message: "redis does not answer: this node goes on with its share of each limit for at most \(shareSeconds) s; "
                    + "see that Redis runs and can be reached", mode: mode)
        case .learning:
            Line(
                level: isFirst ? .info : .warn,
                message:
                    "redis is new, was emptied or has failed over: limits rest, or are used up to shares, until nothing granted before "
                    + "can be in use; nothing to do", mode: mode)
        case .closed:
            Line(
                level: .error,
                message: "redis does not answer and this node has no share of the limits (any more): mail under shared limits waits; "
                    + "bring Redis back, or choose another on_store_loss", mode: mode)
        case .floor, .local:
            Line(
                level: .error,
                message:
                    "redis does not answer and the shares have ended: limits follow on_store_loss, each node by itself; bring Redis back",
                mode: mode)
        }
    }

    /// The mode that concerns the operator most counts for the node.
    private static func weight(_ mode: LimitMode) -> Int {
        switch mode {
        case .redis: 0
        case .learning: 1
        case .share: 2
        case .floor, .local: 3
        case .closed: 4
        }
    }

    /// Looks twice a second, on the cluster's loop, until `isOver`.
    static func start(_ cluster: Cluster, store: String, isOver: @escaping @Sendable () -> Bool) {
        let loop = cluster.client.eventLoop
        let limits = cluster.limits
        let watch = NIOLoopBoundBox.makeBoxSendingValue(LimitModeWatch(settings: limits.settings), eventLoop: loop)
        loop.scheduleRepeatedTask(initialDelay: .milliseconds(500), delay: .milliseconds(500)) { task in
            guard !isOver() else { return task.cancel() }
            guard let line = watch.value.observe(limits.modes(now: Clock.monotonic())) else { return }
            switch line.level {
            case .error: Log.error(line.message, ["store": store, "mode": line.mode.rawValue])
            case .warn: Log.warn(line.message, ["store": store, "mode": line.mode.rawValue])
            case .info, .debug: Log.info(line.message, ["store": store, "mode": line.mode.rawValue])
            }
        }
    }
}

import Cluster
import Shaping

/// Eight nodes at full demand, the store gone for ten minutes and back with nothing: what goes out, and is it ever too much? *Value.*
package struct OutageScenario: Sendable {
    package var nodes: Int
    package var seed: UInt64

    /// The scenario.
    package init(nodes: Int, seed: UInt64) {
        self.nodes = max(1, nodes)
        self.seed = seed
    }

    private static let specs: [(name: String, limit: Int, period: Int64)] = [
        ("6000/min", 6000, Time.minute), ("1000/s", 1000, Time.second), ("600/min", 600, Time.minute), ("60/min", 60, Time.minute),
    ]

    /// The table, and whether no promise was broken and traffic went on.
    package func run() -> (String, Bool) {
        var random = Seeded(seed)
        let (before, gone, after) = (60 * Time.second, 600 * Time.second, 150 * Time.second)
        var settings = ClusterSettings()
        settings.buckets = 1
        let members = (0..<nodes).map { _ in
            History.Node(
                start: random.within(0, Time.second), ppm: random.within(-300, 300),
                offset: random.within(Int64(0), 1_000_000) * Time.second)
        }
        let wanted = (0..<nodes).map { _ in History.Demand(rate: .infinity, style: .early, want: 16) }
        var limits = Self.specs.map {
            History.Limit(
                key: LimitKey(name: $0.name), spec: ThrottleSpec(limit: $0.limit, periodNanoseconds: $0.period), cap: 0, demand: wanted)
        }
        limits.append(
            History.Limit(
                key: LimitKey(name: "24 conn."), spec: nil, cap: 24, demand: wanted.map { _ in History.Demand(rate: 24) }))
        var history = History(
            seed: seed, duration: before + gone + after, settings: settings, nodes: members, limits: limits,
            faults: [Fault(.restartEmpty, at: before, length: gone)], delay: 5 * Time.millisecond)
        history.isLively = false

        let store: FakeStore
        do { store = try FakeStore(script: BucketScript.text) } catch { return ("the script does not compile: \(error.text)", false) }
        let world = World<BucketAgent>(store: store, history: history)
        world.begin(history)
        var lines = ["seconds   " + limits.map { Self.padded($0.key.name) }.joined() + Self.padded("shares") + "  store"]
        var last = limits.map { _ in 0 }
        var silence = limits.map { _ in Int64(0) }
        var longest = limits.map { _ in Int64(0) }
        var time: Int64 = 0
        while time < history.duration, world.violation == nil {
            time += 10 * Time.second
            world.advance(to: min(time, history.duration))
            let share = world.agents.compactMap(\.first).map(\.shareFraction).reduce(0, +)
            let isGone = world.isStoreDown
            var line = Self.padded("\(time / Time.second)") + "  "
            for (k, limit) in limits.enumerated() {
                if limit.spec == nil {
                    line += Self.padded("\(world.usages[k].now)")
                } else {
                    let sent = world.windows[k].total - last[k]
                    silence[k] = isGone && sent == 0 ? silence[k] + 10 * Time.second : 0
                    longest[k] = max(longest[k], silence[k])
                    last[k] = world.windows[k].total
                    line += Self.padded("\(sent)")
                }
            }
            lines.append(line + Self.padded(Tally.percent(share)) + (isGone ? "  gone" : "  up"))
        }
        lines.append("")
        for (k, limit) in limits.enumerated() where limit.spec != nil {
            let worst = world.windows[k].worst
            lines.append("\(limit.key.name): fullest window \(worst), overshoot \(max(0, worst - (limit.spec?.limit ?? 0)))")
        }
        lines.append("24 connections: most \(world.usages.last?.most ?? 0), overshoot \(max(0, (world.usages.last?.most ?? 0) - 24))")
        if let violation = world.violation { lines.append(violation.line) }
        // A logged limit may go out in one burst per period, and begins a period after the store was lost.
        let quiet = zip(limits, longest).filter { $0.1 > ($0.0.spec?.periodNanoseconds ?? 0) + 20 * Time.second }
            .map { "\($0.0.key.name) for \(Time.text($0.1))" }
        if !quiet.isEmpty { lines.append("without traffic while the store was gone: \(quiet.joined(separator: ", "))") }
        return (lines.joined(separator: "\n"), world.violation == nil && quiet.isEmpty)
    }

    private static func padded(_ text: String) -> String { String(repeating: " ", count: max(1, 11 - text.count)) + text }
}

import Cluster
import Shaping

/// The product's agents and script with very many nodes and limits, on paper time: what it costs and how evenly it is shared. *Value.*
package struct ScaleSimulation: Sendable {
    package var nodes: Int
    package var limits: Int
    package var seconds: Int
    /// Percent of the nodes that are killed half way.
    package var killed: Int
    package var seed: UInt64
    /// How the nodes share limits.
    var settings = ClusterSettings()

    /// A size.
    /// - Parameters:
    ///   - buckets: over how many hash tags the limits are spread.
    ///   - horizon: for how many milliseconds bandwidth is leased.
    package init(nodes: Int, limits: Int, seconds: Int, killed: Int, seed: UInt64, buckets: Int = 4, horizon: Int = 1000) {
        settings.buckets = max(1, buckets)
        settings.rateTTL = Int64(max(800, horizon)) * Time.millisecond
        settings.rateRefresh = settings.rateTTL * 2 / 5
        self.nodes = max(2, nodes)
        self.limits = max(1, limits)
        self.seconds = max(10, seconds)
        self.killed = min(90, max(0, killed))
        self.seed = seed
    }

    /// The report.
    package func run(progress: (String) -> Void) -> String {
        let store: FakeStore
        do { store = try FakeStore(script: BucketScript.text) } catch { return "the script does not compile: \(error.text)" }
        store.isTimed = true
        let fleet = Fleet(self, store: store)
        let began = Instants.now()
        let half = Int64(seconds) * Time.second / (killed > 0 ? 2 : 1)
        var end = half
        // Who comes first takes all there is; it takes a lease or two until the others have their parts.
        let warm = min(half / 2, 10 * Time.second + 2 * settings.rateTTL)
        fleet.advance(to: warm, progress)
        fleet.startMeasuring()
        fleet.advance(to: half, progress)
        let first = fleet.measure(since: warm)
        fleet.kill(percent: killed)
        if killed > 0 {
            // What the dead had stays reserved until their leases have run out.
            end = half + max(half, settings.shareTTL + 15 * Time.second)
            fleet.advance(to: end, progress)
        }
        var lines = [
            "\(nodes) nodes, \(limits) limits (\(fleet.hot) of them wanted by every node), \(settings.buckets) buckets, horizon "
                + "\(Time.text(settings.rateTTL)), \(end / Time.second) s of virtual time in "
                + "\(Time.text(Instants.now() - began))",
            "from \(Time.text(warm)) to \(Time.text(half)), without faults:", first,
        ]
        if killed > 0 {
            lines += ["", "\(killed) % of the nodes killed at \(Time.text(half)):", fleet.recovery(from: half, killed: killed)]
        }
        return lines.joined(separator: "\n")
    }
}

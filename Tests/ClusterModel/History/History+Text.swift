import Cluster
import Shaping

extension History {
    /// What was decided beforehand, in lines.
    package var text: String {
        var lines = [
            "seed \(seed), \(nodes.count) nodes, \(Time.text(duration)); delay up to \(Time.text(delay)), slow \(slowChance), "
                + "lost \(lossChance), a write every \(Time.text(tick)) at most",
            "share for \(Time.text(settings.shareTTL)), permits for \(Time.text(settings.permitTTL)), silent after "
                + "\(Time.text(settings.heartbeatTimeout)), crash hold \(Time.text(settings.crashHold)), store clock \(storePPM) ppm",
        ]
        for (i, node) in nodes.enumerated() { lines.append("node \(i): starts at \(Time.text(node.start)), clock \(node.ppm) ppm") }
        for limit in limits {
            let demand = limit.demand.map { demand in
                demand.rate == 0 ? "nothing" : "\(demand.rate == .infinity ? "all," : "\(demand.rate)") \(demand.style.rawValue)"
            }
            lines.append("\(limit.key.name): \(limit.text); wanted: \(demand.joined(separator: " | "))")
        }
        lines += faults.map { "fault: \($0.text)" }
        return lines.joined(separator: "\n")
    }
}

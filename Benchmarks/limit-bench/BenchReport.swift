/// The figures of one node. *Value.*
struct BenchReport {
    var plan: BenchPlan
    var seconds: Double
    var events: Int
    var most: Int
    var cost: AdmissionCost
    var waits: WaitSamples

    /// One line of JSON.
    var json: String {
        let quantiles = waits.milliseconds([0.5, 0.99])
        let name = plan.node.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == ".") }
        let parts = [
            "\"node\":\"\(name)\"", "\"algorithm\":\"\(plan.algorithm.rawValue)\"", "\"seconds\":\(seconds)", "\"events\":\(events)",
            "\"most_open\":\(most)", "\"round_trips\":\(cost.roundTrips)", "\"commands\":\(cost.commands)", "\"errors\":\(cost.errors)",
            "\"commands_per_message\":\(events > 0 ? Double(cost.commands) / Double(events) : 0)",
            "\"round_trips_per_second\":\(seconds > 0 ? Double(cost.roundTrips) / seconds : 0)", "\"wait_p50_ms\":\(quantiles[0])",
            "\"wait_p99_ms\":\(quantiles[1])", "\"wait_max_ms\":\(Double(waits.largest) / 1e6)", "\"cpu_seconds\":\(BenchClock.cpu())",
        ]
        return "{\(parts.joined(separator: ","))}"
    }
}

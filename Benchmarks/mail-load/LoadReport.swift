/// *Value*: the figures of a run.
struct LoadReport: Sendable {
    var messages = 0
    var accepted = 0
    var refused = 0
    var delivered = 0
    var doubled = 0
    /// Until the last message was accepted, and delivered.
    var acceptSeconds = 0.0
    var deliverSeconds = 0.0
    /// Milliseconds at `quantiles`.
    var latencies: [Double] = []
    var failure: String?

    static let quantiles = [0.5, 0.9, 0.99, 0.999, 1]

    /// Whether every message came.
    var isComplete: Bool { failure == nil && delivered == messages && refused == 0 }

    /// One line.
    var json: String {
        func text(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
        var fields = [
            "\"messages\":\(messages)", "\"accepted\":\(accepted)", "\"refused\":\(refused)", "\"delivered\":\(delivered)",
            "\"lost\":\(accepted - min(accepted, delivered))", "\"doubled\":\(doubled)",
            "\"accepted_per_second\":\(text(acceptSeconds > 0 ? Double(accepted) / acceptSeconds : 0))",
            "\"delivered_per_second\":\(text(deliverSeconds > 0 ? Double(delivered) / deliverSeconds : 0))",
            "\"latency_ms\":[\(latencies.map(text).joined(separator: ","))]",
        ]
        if let failure {
            let safe = failure.map { $0 == "\"" || $0 == "\\" || $0.isNewline ? "'" : $0 }
            fields.append("\"failure\":\"\(String(safe))\"")
        }
        return "{\(fields.joined(separator: ","))}"
    }
}

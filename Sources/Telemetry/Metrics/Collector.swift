import Platform

/// Whether a collected number only grows.
package enum MetricKind: String, Sendable {
    case counter
    case gauge
}

/// A family whose numbers are read when somebody scrapes. *Shared.*
final class Collector: MetricFamily {
    let name: String
    private let help: String
    private let labels: [String]
    private let kind: MetricKind
    private let maxSeries: Int
    private let read: @Sendable () -> [(labels: [String], value: Double)]

    init(
        name: String, help: String, labels: [String], kind: MetricKind, maxSeries: Int,
        read: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        precondition(MetricText.isName(name), "\(name) is not a metric name")
        precondition(labels.allSatisfy(MetricText.isLabelName), "\(name) has an impossible label name")
        self.name = name
        self.help = help
        self.labels = labels
        self.kind = kind
        self.maxSeries = max(maxSeries, 1)
        self.read = read
    }

    func render(into out: inout [UInt8]) {
        let rows = read().filter { $0.labels.count == labels.count }
        MetricText.appendHeader(name: name, help: help, kind: kind.rawValue, to: &out)
        let name = Array(self.name.utf8)
        func sample(_ values: [String], _ value: Double) {
            MetricText.appendSample(name, labels: MetricText.labels(labels, values), to: &out)
            Decimal.append(value, to: &out)
            out.append(0x0a)
        }
        for row in rows.prefix(maxSeries) {
            sample(row.labels.map(MetricText.bounded), row.value)
        }
        if rows.count > maxSeries, !labels.isEmpty {
            sample(labels.map { _ in MetricText.other }, rows[maxSeries...].reduce(0) { $0 + $1.value })
        }
    }
}

internal import Synchronization

/// All metrics of a node, and their Prometheus text. *Shared.*
///
/// Asking twice for the same family gives the same one, so parts that share a metric need not know each other.
///
/// *Diagnostics*: a name used with two shapes, an impossible name, or a wrong number of label values is a bug, and traps.
package final class MetricRegistry: Sendable {
    /// Bounds in seconds that suit latencies from a millisecond to minutes.
    package static let latencyBuckets: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
    ]

    private let families = Mutex<[String: any MetricFamily]>([:])

    /// No metric yet.
    package init() {}

    /// A family of counters.
    package func counter(
        _ name: String, _ help: String, labels: [String] = [], maxSeries: Int = 200
    ) -> CounterFamily {
        family(name, labels: \.table.labels, expected: labels) {
            CounterFamily(SeriesTable(name: name, help: help, labels: labels, maxSeries: maxSeries) { Counter() })
        }
    }

    /// A family of gauges.
    package func gauge(
        _ name: String, _ help: String, labels: [String] = [], maxSeries: Int = 200
    ) -> GaugeFamily {
        family(name, labels: \.table.labels, expected: labels) {
            GaugeFamily(SeriesTable(name: name, help: help, labels: labels, maxSeries: maxSeries) { Gauge() })
        }
    }

    /// A family of histograms; `buckets` are ascending upper bounds, without `+Inf`.
    package func histogram(
        _ name: String, _ help: String, labels: [String] = [],
        buckets: [Double] = MetricRegistry.latencyBuckets, maxSeries: Int = 200
    ) -> HistogramFamily {
        let bounds = buckets.filter { $0.isFinite }
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "the bounds of \(name) must ascend")
        precondition(!labels.contains("le"), "le is the histogram's own label")
        return family(name, labels: \.table.labels, expected: labels) {
            HistogramFamily(
                SeriesTable(name: name, help: help, labels: labels, maxSeries: maxSeries) { Histogram(bounds: bounds) },
                bounds: bounds)
        }
    }

    /// A family computed at each scrape; `read` runs on the scraping thread and must be quick. A second call with the same
    /// name replaces the first. Rows past `maxSeries` are summed into `other`.
    package func collect(
        _ name: String, _ help: String, labels: [String] = [], kind: MetricKind, maxSeries: Int = 1_000,
        read: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        let collector = Collector(name: name, help: help, labels: labels, kind: kind, maxSeries: maxSeries, read: read)
        families.withLock { families in
            precondition(families[name] == nil || families[name] is Collector, "\(name) is registered with another shape")
            families[name] = collector
        }
    }

    /// Prometheus text 0.0.4 of every family, or of those whose name starts with `prefix`, in order of name.
    package func render(prefix: String? = nil) -> [UInt8] {
        var chosen = families.withLock { Array($0.values) }
        if let prefix { chosen.removeAll { !$0.name.utf8.starts(with: prefix.utf8) } }
        chosen.sort { $0.name < $1.name }
        var out: [UInt8] = []
        out.reserveCapacity(64 * 1024)
        // Collectors may take locks of their own, so none is held here.
        for family in chosen { family.render(into: &out) }
        return out
    }

    private func family<Family: MetricFamily>(
        _ name: String, labels: (Family) -> [String], expected: [String], make: () -> Family
    ) -> Family {
        families.withLock { families in
            if let existing = families[name] {
                guard let existing = existing as? Family, labels(existing) == expected else {
                    preconditionFailure("\(name) is registered with another shape")
                }
                return existing
            }
            let new = make()
            families[name] = new
            return new
        }
    }
}

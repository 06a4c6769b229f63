import Platform

/// What the registry needs of a family.
protocol MetricFamily: Sendable {
    var name: String { get }
    func render(into out: inout [UInt8])
}

/// Counters that share a name and differ in labels. *Shared.*
package final class CounterFamily: MetricFamily {
    let table: SeriesTable<Counter>
    var name: String { table.name }

    init(_ table: SeriesTable<Counter>) { self.table = table }

    /// The counter for these label values, in the order of the label names. Look it up once and keep it.
    package func with(_ values: String...) -> Counter { table.cell(values) }

    /// Forgets the series with these label values.
    package func remove(_ values: String...) { table.remove(values) }

    func render(into out: inout [UInt8]) {
        MetricText.appendHeader(name: name, help: table.help, kind: "counter", to: &out)
        let name = Array(self.name.utf8)
        for series in table.snapshot() {
            MetricText.appendSample(name, labels: series.labelText, to: &out)
            Decimal.append(series.cell.value, to: &out)
            out.append(0x0a)
        }
    }
}

/// Gauges that share a name and differ in labels. *Shared.*
package final class GaugeFamily: MetricFamily {
    let table: SeriesTable<Gauge>
    var name: String { table.name }

    init(_ table: SeriesTable<Gauge>) { self.table = table }

    /// The gauge for these label values, in the order of the label names. Look it up once and keep it.
    package func with(_ values: String...) -> Gauge { table.cell(values) }

    /// Forgets the series with these label values.
    package func remove(_ values: String...) { table.remove(values) }

    func render(into out: inout [UInt8]) {
        MetricText.appendHeader(name: name, help: table.help, kind: "gauge", to: &out)
        let name = Array(self.name.utf8)
        for series in table.snapshot() {
            MetricText.appendSample(name, labels: series.labelText, to: &out)
            Decimal.append(series.cell.value, to: &out)
            out.append(0x0a)
        }
    }
}

/// Histograms that share a name and bounds and differ in labels. *Shared.*
package final class HistogramFamily: MetricFamily {
    let table: SeriesTable<Histogram>
    /// Upper bounds, ascending, without `+Inf`.
    let bounds: [Double]
    private let boundTexts: [[UInt8]]
    var name: String { table.name }

    init(_ table: SeriesTable<Histogram>, bounds: [Double]) {
        self.table = table
        self.bounds = bounds
        self.boundTexts = (bounds + [.infinity]).map { bound in
            var text = Array("le=\"".utf8)
            Decimal.append(bound, to: &text)
            text.append(0x22)
            return text
        }
    }

    /// The histogram for these label values, in the order of the label names. Look it up once and keep it.
    package func with(_ values: String...) -> Histogram { table.cell(values) }

    /// Forgets the series with these label values.
    package func remove(_ values: String...) { table.remove(values) }

    func render(into out: inout [UInt8]) {
        MetricText.appendHeader(name: name, help: table.help, kind: "histogram", to: &out)
        let name = Array(self.name.utf8)
        for series in table.snapshot() {
            let counts = series.cell.cumulative()
            let prefix = series.labelText.isEmpty ? [] : series.labelText + [UInt8(ascii: ",")]
            for (bound, count) in zip(boundTexts, counts) {
                MetricText.appendSample(name, suffix: "_bucket", labels: prefix + bound, to: &out)
                Decimal.append(count, to: &out)
                out.append(0x0a)
            }
            MetricText.appendSample(name, suffix: "_sum", labels: series.labelText, to: &out)
            Decimal.append(series.cell.sum, to: &out)
            out.append(0x0a)
            MetricText.appendSample(name, suffix: "_count", labels: series.labelText, to: &out)
            Decimal.append(counts.last ?? 0, to: &out)
            out.append(0x0a)
        }
    }
}

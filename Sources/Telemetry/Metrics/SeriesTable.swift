internal import Synchronization

/// The series of one family by label values, bounded. *Shared.*
///
/// Past `maxSeries` every new combination of values is counted in one series whose labels all say `other`, so that a label
/// fed by peers cannot grow the process or the scrape.
final class SeriesTable<Cell: AnyObject & Sendable>: Sendable {
    /// One series, its label text escaped once: `a="x",b="y"`.
    struct Series: Sendable {
        let labelText: [UInt8]
        let cell: Cell
    }

    private struct State {
        var index: [[String]: Int] = [:]
        var series: [Series] = []
    }

    let name: String
    let help: String
    let labels: [String]
    private let maxSeries: Int
    private let make: @Sendable () -> Cell
    private let state: Mutex<State>

    init(name: String, help: String, labels: [String], maxSeries: Int, make: @escaping @Sendable () -> Cell) {
        precondition(MetricText.isName(name), "\(name) is not a metric name")
        precondition(labels.allSatisfy(MetricText.isLabelName), "\(name) has an impossible label name")
        self.name = name
        self.help = help
        self.labels = labels
        self.maxSeries = max(maxSeries, 1)
        self.make = make
        self.state = Mutex(State())
        // A family without labels shows from the start, with zero: absence would read as "not scraped".
        if labels.isEmpty { _ = cell([]) }
    }

    /// The cell for these label values, made on first use.
    func cell(_ values: [String]) -> Cell {
        precondition(values.count == labels.count, "\(name) takes the labels \(labels)")
        let key = values.map(MetricText.bounded)
        return state.withLock { state in
            if let position = state.index[key] { return state.series[position].cell }
            let isOverflow = state.index.count >= maxSeries
            let effective = isOverflow ? labels.map { _ in MetricText.other } : key
            if isOverflow, let position = state.index[effective] { return state.series[position].cell }
            let cell = make()
            state.index[effective] = state.series.count
            state.series.append(Series(labelText: MetricText.labels(labels, effective), cell: cell))
            return cell
        }
    }

    /// Forgets a series. Handles still held go on counting into nothing.
    func remove(_ values: [String]) {
        let key = values.map(MetricText.bounded)
        state.withLock { state in
            guard let position = state.index.removeValue(forKey: key) else { return }
            let last = state.series.count - 1
            if position != last {
                state.series[position] = state.series[last]
                if let moved = state.index.first(where: { $0.value == last })?.key { state.index[moved] = position }
            }
            state.series.removeLast()
        }
    }

    /// The series as they stand, oldest first.
    func snapshot() -> [Series] { state.withLock { $0.series } }
}

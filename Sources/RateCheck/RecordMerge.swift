/// Brings the records of several sources into one order. *State machine.* Whoever owns it reads the sources and says which one is needed.
package struct RecordMerge: Sendable {
    private var readers: [RecordReader]
    private var orders: [RecordOrder]
    private var isEnded: [Bool]
    private var batch: [CheckRecord] = []
    private let allowsTorn: Bool
    /// The names seen so far.
    package private(set) var names = NameTable()

    /// What to do next. *Value.*
    package enum Step: Sendable, Equatable {
        /// Call `read` or `end` for this source.
        case needs(source: Int)
        /// The next record of all.
        case record(CheckRecord)
        /// There are no more.
        case end
    }

    /// A merge at the beginning of all sources.
    /// - Parameters:
    ///   - slack: how far back, in nanoseconds, times may go within a source.
    ///   - allowsTorn: whether a source may end inside a record, as after a kill.
    package init(_ form: RecordForm, sources: [String], slack: Int64, allowsTorn: Bool) {
        readers = sources.map { RecordReader(form, source: $0) }
        orders = sources.map { RecordOrder(slack: slack, source: $0) }
        isEnded = sources.map { _ in false }
        self.allowsTorn = allowsTorn
    }

    /// The next bytes of a source.
    package mutating func read(_ bytes: some Collection<UInt8>, source: Int) throws(CheckError) {
        try readers[source].read(bytes, names: &names, into: &batch)
        try keep(source)
    }

    /// A source has no more bytes.
    package mutating func end(source: Int) throws(CheckError) {
        try readers[source].finish(allowsTorn: allowsTorn, names: &names, into: &batch)
        try keep(source)
        isEnded[source] = true
        orders[source].end()
    }

    private mutating func keep(_ source: Int) throws(CheckError) {
        for record in batch { try orders[source].add(record, line: readers[source].position) }
        batch.removeAll(keepingCapacity: true)
    }

    /// The next record, once every source has shown its own next.
    package mutating func next() -> Step {
        var best: Int?
        for source in orders.indices {
            guard let first = orders[source].first else {
                if isEnded[source] { continue }
                return .needs(source: source)
            }
            if let known = best, let other = orders[known].first, !(first < other) { continue }
            best = source
        }
        guard let best, let record = orders[best].take() else { return .end }
        return .record(record)
    }
}

/// Who sent how much, and who waited how long. *Value.*
struct NodeSpread: Sendable {
    private struct Part {
        var count = 0
        var gaps = GapFinder(threshold: .max)
    }

    private var parts: [Int32: Part] = [:]

    /// One record of a node.
    mutating func add(_ time: Int64, node: Int32, after begin: Int64?) {
        parts[node, default: Part()].count += 1
        parts[node]?.gaps.add(time, after: begin)
    }

    /// Every node's part, by number.
    func nodes(until end: Int64?) -> [RateReport.Node] {
        parts.sorted { $0.key < $1.key }.map {
            RateReport.Node(node: $0.key, count: $0.value.count, longestGap: $0.value.gaps.longest(until: end).length)
        }
    }

    /// Jain's index (R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness", DEC-TR-301, 1984) over at least `nodes` nodes; 1 when
    /// there is nothing to share.
    func jain(nodes: Int) -> Double { Self.jain(parts.values.map { Double($0.count) }, over: max(nodes, parts.count)) }

    /// (sum x)^2 / (n * sum x^2)
    static func jain(_ values: [Double], over n: Int) -> Double {
        let sum = values.reduce(0, +)
        let squares = values.reduce(0) { $0 + $1 * $1 }
        return squares > 0 ? sum * sum / (Double(n) * squares) : 1
    }
}

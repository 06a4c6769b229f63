/// *Value*: a table for people: columns as wide as their widest cell, two spaces between.
struct TextTable {
    private var rows: [[String]]
    /// Columns that hold numbers.
    var rightAligned: Set<Int> = []

    init(_ header: [String]) { rows = [header] }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let gap = String(repeating: " ", count: widths[column] - cell.count)
                let isLast = column == row.count - 1
                line += rightAligned.contains(column) ? gap + cell : (isLast ? cell : cell + gap)
                if !isLast { line += "  " }
            }
            return line
        }.joined(separator: "\n")
    }

    /// Seconds as people say them: `42s`, `5m`, `3h20m`, `2d4h`.
    static func age(_ seconds: Double) -> String {
        let whole = Int(seconds)
        switch whole {
        case ..<60: return "\(whole)s"
        case ..<3600: return "\(whole / 60)m"
        case ..<86_400: return "\(whole / 3600)h\(whole % 3600 / 60)m"
        default: return "\(whole / 86_400)d\(whole % 86_400 / 3600)h"
        }
    }
}

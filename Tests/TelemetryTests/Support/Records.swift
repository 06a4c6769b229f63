@testable import Telemetry

extension LogRecord {
    /// A small record whose id is `n`.
    static func sample(_ n: Int, type: LogRecordType = .delivery) -> LogRecord {
        LogRecord(
            type: type, id: "id-\(n)", sender: "a@example.com", recipients: ["b@example.org"],
            timestamp: 1_767_225_600_123_456_789, created: 1_767_225_599_000_000_000)
    }
}

/// The ids in a log, in order.
func ids(_ lines: [String]) -> [Int] {
    lines.compactMap { line in
        guard let start = line.range(ofText: "\"id\":\"id-") else { return nil }
        return Int(line[start...].prefix { $0 != "\"" })
    }
}

extension String {
    /// Where the text after `text` starts.
    func range(ofText text: String) -> String.Index? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(text) { return self.index(index, offsetBy: text.count) }
            index = self.index(after: index)
        }
        return nil
    }
}

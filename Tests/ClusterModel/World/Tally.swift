/// What was seen in histories. *Value*; tallies add up.
package struct Tally: Sendable {
    package var histories = 0
    package var sends = 0
    package var connections = 0
    package var transactions = 0
    package var calls = 0
    package var roundTrips = 0
    package var worstRatio = 0.0
    package var worstCap = 0.0
    package var faults: [Fault.Kind: Int] = [:]
    package var uses = 0
    package var useSum = 0.0
    package var leastUse = Double.infinity
    package var recoveries = 0
    package var outages = 0
    package var excluded = 0
    package var longestWait: Int64 = 0
    package var virtualTime: Int64 = 0

    package init() {}

    /// Adds another.
    package mutating func add(_ other: Tally) {
        histories += other.histories
        sends += other.sends
        connections += other.connections
        transactions += other.transactions
        calls += other.calls
        roundTrips += other.roundTrips
        worstRatio = max(worstRatio, other.worstRatio)
        worstCap = max(worstCap, other.worstCap)
        faults.merge(other.faults, uniquingKeysWith: +)
        uses += other.uses
        useSum += other.useSum
        leastUse = min(leastUse, other.leastUse)
        recoveries += other.recoveries
        outages += other.outages
        excluded += other.excluded
        longestWait = max(longestWait, other.longestWait)
        virtualTime += other.virtualTime
    }

    /// `97.3 %`.
    static func percent(_ part: Double) -> String {
        guard part.isFinite else { return "-" }
        let thousandths = Int((part * 1000).rounded())
        return "\(thousandths / 10).\(abs(thousandths % 10)) %"
    }

    /// The table at the end.
    package var table: String {
        var rows = [
            ("histories", Self.grouped(histories)),
            ("virtual time", "\(Self.grouped(Int(virtualTime / Time.hour))) h"),
            ("sends checked", Self.grouped(sends)),
            ("connections checked", Self.grouped(connections)),
            ("transactions", Self.grouped(transactions)),
            ("script calls", Self.grouped(calls)),
            ("fullest window of a rate", "\(Self.percent(worstRatio)) of the limit"),
            ("most connections", "\(Self.percent(worstCap)) of the cap"),
            (
                "use without faults",
                uses == 0 ? "-" : "\(Self.percent(useSum / Double(uses))) (least \(Self.percent(leastUse)), \(uses) limits)"
            ),
            ("limits seen to come back", Self.grouped(recoveries)),
            ("excluded: a store emptied unseen", Self.grouped(excluded)),
            ("outages with traffic", Self.grouped(outages)),
            ("longest wait for a connection", Time.text(longestWait)),
        ]
        for kind in Fault.Kind.allCases { rows.append(("fault \(kind.rawValue)", Self.grouped(faults[kind] ?? 0))) }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { $0.0 + String(repeating: " ", count: width + 2 - $0.0.count) + $0.1 }.joined(separator: "\n")
    }

    /// `12,345`.
    static func grouped(_ number: Int) -> String {
        var digits = Array(String(abs(number)))
        var i = digits.count - 3
        while i > 0 {
            digits.insert(",", at: i)
            i -= 3
        }
        return (number < 0 ? "-" : "") + String(digits)
    }
}

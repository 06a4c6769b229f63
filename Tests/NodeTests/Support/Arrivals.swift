/// What a sink accepted, in order of time. *Value.*
struct Arrivals {
    /// One message. *Value.*
    struct Arrival {
        /// Monotonic nanoseconds.
        var time: Int64
        var session: String
        var recipient: String

        /// The member that sent it, as `ClusterMember.load` names recipients.
        var node: String { String(recipient.prefix { $0 != "-" }) }
        var domain: String { String(recipient.drop { $0 != "@" }.dropFirst()) }
    }

    let all: [Arrival]

    /// Reads the record of a sink.
    init(_ record: String) {
        all = record.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 4, let time = Int64(fields[0]) else { return nil }
            return Arrival(time: time, session: fields[1], recipient: fields[2])
        }.sorted { $0.time < $1.time }
    }

    private init(all: [Arrival]) { self.all = all }

    func filter(_ isWanted: (Arrival) -> Bool) -> Arrivals { Arrivals(all: all.filter(isWanted)) }
    func to(_ domain: String) -> Arrivals { filter { $0.domain == domain } }
    func from(_ node: String) -> Arrivals { filter { $0.node == node } }

    var count: Int { all.count }
    var recipients: Set<String> { Set(all.map(\.recipient)) }
    var nodes: Set<String> { Set(all.map(\.node)) }
    var first: Int64 { all.first?.time ?? 0 }
    var last: Int64 { all.last?.time ?? 0 }

    /// The most arrivals within any window of that length, both ends included.
    func most(within length: Duration) -> Int {
        let (seconds, attoseconds) = length.components
        let length = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        var first = 0
        var most = 0
        for (index, arrival) in all.enumerated() {
            while all[first].time < arrival.time - length { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }

    /// The longest time without an arrival, in nanoseconds.
    var longestGap: Int64 { zip(all, all.dropFirst()).map { $1.time - $0.time }.max() ?? 0 }
}

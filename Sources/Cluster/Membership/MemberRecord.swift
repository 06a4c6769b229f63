internal import JSON

/// One node of the cluster, as the store knows it. *Value.*
package struct MemberRecord: Sendable, Equatable {
    /// How long ago it was heard of.
    package enum Status: String, Sendable {
        /// Less than 6 s.
        case alive
        /// 6 to 15 s.
        case suspect
        /// Longer.
        case gone
    }

    /// The node id.
    package var node: String
    /// Different in each start of the process.
    package var incarnation: UInt64
    /// host:port of its HTTP API, or "".
    package var address: String
    /// Where it runs, or "".
    package var zone: String
    /// The release it runs.
    package var version: String
    /// "ready" or "draining".
    package var state: String
    /// The ids of its spools.
    package var spools: [String]
    /// When this incarnation was first heard of, unix nanoseconds by the store's clock; 0 = not yet.
    package var joined: Int64
    /// How long ago it was heard of, milliseconds by the store's clock.
    package var lastSeen: Int64
    /// What follows from `lastSeen`.
    package var status: Status
    /// Another living process uses the same node id.
    package var isContested: Bool

    /// A record; the last four are filled in by the store.
    package init(
        node: String, incarnation: UInt64, address: String = "", zone: String = "", version: String = "", state: String = "ready",
        spools: [String] = [], joined: Int64 = 0, lastSeen: Int64 = 0, status: Status = .alive, isContested: Bool = false
    ) {
        self.node = node
        self.incarnation = incarnation
        self.address = address
        self.zone = zone
        self.version = version
        self.state = state
        self.spools = spools
        self.joined = joined
        self.lastSeen = lastSeen
        self.status = status
        self.isContested = isContested
    }

    static let spoolLimit = 64
    static let lineBytes = 16 << 10

    /// What a node tells about itself, as JSON.
    var json: [UInt8] {
        var out: [UInt8] = Array("{\"address\":".utf8)
        JSONText.append(string: address, to: &out)
        for (name, text) in [("zone", zone), ("version", version), ("state", state)] {
            out.append(contentsOf: ",\"\(name)\":".utf8)
            JSONText.append(string: text, to: &out)
        }
        out.append(contentsOf: ",\"spools\":[".utf8)
        for (index, spool) in spools.prefix(Self.spoolLimit).enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            JSONText.append(string: spool, to: &out)
        }
        out.append(contentsOf: "]}".utf8)
        return out
    }

    /// Reads what a node told about itself; nil when it is not that.
    init?(node: String, incarnation: UInt64, json: ArraySlice<UInt8>) {
        guard json.count <= Self.lineBytes, ControlEntry.isName(node, most: ControlBounds.nodeBytes) else { return nil }
        var record = MemberRecord(node: node, incarnation: incarnation)
        var count = 0
        do throws(JSONFault) {
            try JSONScanner.scan(json, .cluster) { scanner throws(JSONFault) in
                try scanner.object { name, scanner throws(JSONFault) in
                    count += 1
                    guard count <= 64 else { throw JSONFault(unusable: "too many members") }
                    try record.read(name, &scanner)
                }
            }
        } catch {
            return nil
        }
        self = record
    }

    private mutating func read(_ name: String, _ scanner: inout JSONScanner) throws(JSONFault) {
        switch name {
        case "address": address = try Self.text(&scanner)
        case "zone": zone = try Self.text(&scanner)
        case "version": version = try Self.text(&scanner)
        case "state": state = try Self.text(&scanner)
        case "spools":
            spools = try scanner.strings(most: Self.spoolLimit)
            guard spools.allSatisfy({ ControlEntry.isText($0, most: ControlBounds.nameBytes) }) else {
                throw JSONFault(unusable: "not a text")
            }
        default: try scanner.skip()
        }
    }

    private static func text(_ scanner: inout JSONScanner) throws(JSONFault) -> String {
        let text = try scanner.string()
        guard text.isEmpty || ControlEntry.isText(text, most: ControlBounds.nameBytes) else { throw JSONFault(unusable: "not a text") }
        return text
    }
}

import Delivery
import Resources
import Telemetry

/// *Value*: whether this node was in the cluster a short while ago, from a small file beside the spool.
///
/// An empty store means one thing to a new cluster and another to a node that knows of an older one: then something was lost, and what was
/// granted before may still be in use.
struct ClusterMemory: Sendable {
    static let name = "cluster-contact"
    private static let loss = "the node takes an empty limit store for a new one"
    private let files: StateFiles
    private let prefix: String

    init(files: StateFiles, prefix: String) {
        self.files = files
        self.prefix = prefix
    }

    /// How often the file is renewed.
    static let interval: Int64 = 10_000_000_000

    /// The epochs of the limit store at the last contact; empty when that is longer ago than a lease may last, with a wide margin for clocks
    /// that were set.
    func epochs(shareTTL: Int64) -> [Int64] {
        guard let text = files.read(Self.name, loss: Self.loss) else { return [] }
        let fields = text.split(whereSeparator: { $0 == " " || $0.isNewline })
        guard fields.count >= 3, fields[1] == prefix, let seconds = Int64(fields[0]), fields.count <= 1000 else { return [] }
        guard Clock.wall() / 1_000_000_000 - seconds < max(600, 2 * shareTTL / 1_000_000_000) else { return [] }
        return fields.dropFirst(3).map { max(0, Int64($0) ?? 0) }
    }

    /// A number larger than that of any former process of this node: the microsecond of the start, whatever the clock did since the last one.
    func nextIncarnation() -> UInt64 {
        let now = UInt64(max(1, Clock.wall() / 1000))
        guard let text = files.read(Self.name, loss: Self.loss) else { return now }
        let fields = text.split(whereSeparator: { $0 == " " || $0.isNewline })
        guard fields.count >= 3, let last = UInt64(fields[2]), last < 1 << 52 else { return now }
        return max(now, last + 1)
    }

    /// Notes that the store answers now. Does not wait for the disk.
    func note(_ epochs: [Int64], incarnation: UInt64) {
        let text = epochs.map(String.init).joined(separator: " ")
        files.replaceSoon(Self.name, with: "\(Clock.wall() / 1_000_000_000) \(prefix) \(incarnation) \(text)\n")
    }
}

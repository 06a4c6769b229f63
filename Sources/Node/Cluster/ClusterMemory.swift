import Telemetry

/// *Value*: whether this node was in the cluster a short while ago, from a small file beside the spool.
///
/// An empty store means one thing to a new cluster and another to a node that knows of an older one: then something was lost, and what was
/// granted before may still be in use.
struct ClusterMemory: Sendable {
    private let file: String
    private let prefix: String

    init(directory: String, prefix: String) {
        file = directory + "/cluster-contact"
        self.prefix = prefix
    }

    /// How often the file is renewed.
    static let interval: Int64 = 10_000_000_000

    /// Whether the last contact is no longer ago than a lease may last, with a wide margin for clocks that were set.
    func isRecent(shareTTL: Int64) -> Bool {
        guard let text = (try? FileText.read(file)) ?? nil else { return false }
        let fields = text.split(separator: " ").map(String.init)
        guard fields.count == 2, fields[1].trimmed == prefix, let seconds = Int64(fields[0]) else { return false }
        let age = Clock.wall() / 1_000_000_000 - seconds
        return age < max(600, 2 * shareTTL / 1_000_000_000)
    }

    /// Notes that the store answers now.
    func note() {
        do throws(NodeError) {
            try FileText.replace(file, with: "\(Clock.wall() / 1_000_000_000) \(prefix)\n")
        } catch {
            Log.warn("the contact with the cluster cannot be noted", ["error": error.message])
        }
    }
}

extension String {
    /// Without blanks and line ends at both sides.
    fileprivate var trimmed: String {
        var text = Substring(self)
        while let last = text.last, last.isWhitespace || last.isNewline { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }
}

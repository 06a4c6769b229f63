import Delivery
import Glibc
import Resources
import Shaping
import Spool
import Telemetry

/// *Value*: an open spool with what the rest of the node needs to know of it.
struct OpenSpool {
    let spool: Spool
    let directory: String
    let nodeID: String
    let durability: Durability
    /// What limits gave out before.
    let limits: LimitJournal
}

/// *Value*: from `define_spool` and `--spool` to an open spool.
struct SpoolSetup {
    let data: SpoolConfig?
    let options: NodeOptions

    init(_ spools: [SpoolConfig], options: NodeOptions) throws {
        for name in ["data", "meta"] where spools.count(where: { $0.name == name }) > 1 {
            throw NodeError("define_spool{name='\(name)'} is called twice; keep one")
        }
        data = spools.first { $0.name == "data" }
        if data == nil, !spools.isEmpty {
            throw NodeError("define_spool names only 'meta'; the volume is given by define_spool{name='data', path=…}")
        }
        for note in spools.flatMap(\.notes) { Log.info(note) }
        self.options = options
    }

    var directory: String { options.spoolDirectory ?? data?.path ?? "/var/spool/apus" }

    func open(registry: MetricRegistry) throws -> OpenSpool {
        try makeDirectory()
        let isNew = access(directory + "/segments", F_OK) != 0
        let nodeID = try NodeIdentity.load(directory: directory)
        let durability: Durability = data?.flush == false ? .written : .fsync
        var settings = SpoolOptions(directory: directory, nodeID: nodeID)
        if let data {
            settings.minFreeSpace = data.minFreeSpace.amount(of: Volume(directory).bytes)
            settings.minFreeInodes = data.minFreeInodes.amount(of: Volume(directory).inodes)
        }
        settings.spareSegments = 2
        let spool = try Spool(settings, metrics: registry)
        Log.info("spool opened", ["directory": directory, "durability": "\(durability)"])
        return OpenSpool(
            spool: spool, directory: directory, nodeID: nodeID, durability: durability,
            limits: try limits(spool, isNew: isNew))
    }

    private func limits(_ spool: Spool, isNew: Bool) throws -> LimitJournal {
        let journal = LimitJournal(directory: directory, isNew: isNew, mustExist: spool.remembers(LimitJournal.name))
        if let damage = journal.damage { spool.report(SpoolDamage(file: LimitJournal.name, what: damage)) }
        try spool.remember(LimitJournal.name)
        return journal
    }

    private func makeDirectory() throws {
        var partial = ""
        for component in directory.split(separator: "/", omittingEmptySubsequences: true) {
            partial += (partial.isEmpty && !directory.hasPrefix("/") ? "" : "/") + component
            if mkdir(partial, 0o750) != 0, errno != EEXIST {
                throw NodeError(
                    "cannot make the spool directory \(directory): \(NodeError.errnoText); choose another with --spool DIR or define_spool, or create it for this user"
                )
            }
        }
    }
}

/// *Value*: the id of the node: from APUS_NODE_ID, else the one its spool carries, else a new one that the spool will carry.
enum NodeIdentity {
    static func load(directory: String) throws(NodeError) -> String {
        if let given = getenv("APUS_NODE_ID") { return String(cString: given) }
        do throws(SpoolError) {
            if let id = try SpoolIdentity.node(in: directory) { return id }
        } catch { throw NodeError("\(error)") }
        return (0..<16).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
    }
}

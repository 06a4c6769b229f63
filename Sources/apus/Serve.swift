import ArgumentParser
import DNS
import Dispatch
import Glibc
import Node
import Telemetry

/// `apus serve`: runs a node until a signal asks for its end.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a node.",
        discussion: """
            Prints `<proto> listener on <ip:port>` for each listener on standard error, then `initialization complete`.

            SIGNALS
              SIGTERM, SIGINT, SIGQUIT   stop within seconds; what was accepted is safe in the spool. A second one stops at once
              SIGHUP                     read the policy again, and put it in force if it is good; close the log segments
              SIGUSR1, SIGUSR2, others   ignored

            EXAMPLES
              apus serve --policy policy.lua --spool /var/spool/apus
              apus serve --policy policy.lua --http 127.0.0.1:8000
              sudo apus serve --policy policy.lua --user apus        (binds port 25, then becomes apus)
              apus serve --policy policy.lua --redis redis://10.0.0.5      (limits shared with the other nodes)

            ENVIRONMENT
              APUS_REDIS_URL, APUS_NODE                       as --redis and --name
              APUS_CLUSTER_SECRET, APUS_CLUSTER_SECRET_FILE   sign the orders of the cluster with this secret (docs/redis.md)
              APUS_PREVIOUS_CLUSTER_SECRET                    accept signatures of a former secret too
              APUS_UNSIGNED_ORDERS                            accept or refuse; accept only while nodes are given the secret

            EXIT STATUS
              0 stopped by a signal, 1 could not start, 3 the stop took too long and was cut short, 64 wrong arguments
            """)

    @Option(help: ArgumentHelp("The policy, a Lua file.", valueName: "file"))
    var policy: String

    @Option(
        help: ArgumentHelp(
            "The spool directory; overrides define_spool. Default: what the policy says, else /var/spool/apus.", valueName: "dir"))
    var spool: String?

    @Option(help: ArgumentHelp("Address of the HTTP listener, such as 127.0.0.1:8000; overrides the policy's.", valueName: "addr"))
    var http: String?

    @Option(help: ArgumentHelp("Become this user once the sockets are bound.", valueName: "name"))
    var user: String?

    @Option(help: ArgumentHelp("DNS server, ip or ip@port; may be repeated. Default: /etc/resolv.conf.", valueName: "server"))
    var resolver: [String] = []

    @Option(
        help: ArgumentHelp(
            "Share limits and control with the other nodes through this Redis; overrides configure_redis_throttles. Also from APUS_REDIS_URL.",
            valueName: "url"))
    var redis: String?

    @Option(
        help: ArgumentHelp(
            "The name of this node among the others; the same after a restart. Also from APUS_NODE. Default: host name and spool id.",
            valueName: "name"))
    var name: String?

    @Option(help: "Event loops. Default: one per core.")
    var loops: Int?

    func validate() throws {
        if let loops, !(1...1024).contains(loops) { throw ValidationError("--loops must be from 1 to 1024") }
    }

    /// A variable of the environment that is set and not empty.
    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    func run() async throws {
        var options = NodeOptions(policyFile: policy)
        options.spoolDirectory = spool
        options.httpAddress = http
        options.user = user
        options.resolver.servers = resolver
        options.loops = loops
        options.redisURL = redis ?? Self.environment("APUS_REDIS_URL")
        options.clusterSecret = Self.environment("APUS_CLUSTER_SECRET")
        options.clusterSecretFile = Self.environment("APUS_CLUSTER_SECRET_FILE")
        options.previousClusterSecret = Self.environment("APUS_PREVIOUS_CLUSTER_SECRET")
        options.unsignedOrders = Self.environment("APUS_UNSIGNED_ORDERS")
        options.nodeName = name ?? Self.environment("APUS_NODE")
        // From here on no signal ends the process without an orderly stop; one that comes during the start is kept.
        let signals = Signals(stopping: { endAnyway(after: 15) })
        do {
            let node = try await Node.start(options)
            for line in node.addresses { say(line) }
            try await node.serve(signals: SignalService(signals: signals, node: node)) { address in
                if let address { say("http listener on \(address)") }
                say("initialization complete")
            }
        } catch {
            say("apus: \(error)")
            throw ExitCode.failure
        }
    }
}

/// Ends the process when an orderly stop takes too long: an orchestrator would kill it without a word. The queue is safe in the spool.
func endAnyway(after seconds: Int) {
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) {
        say("apus: the stop took longer than \(seconds) s and was cut short; what is queued is safe in the spool")
        _exit(3)
    }
}

/// One line on standard error.
func say(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

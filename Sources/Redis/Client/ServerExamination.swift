/// What the answers of one server mean for its use. *State machine*: replies go in, sentences come out.
struct ServerExamination {
    /// What is asked first. MULTI and DISCARD only find out whether they are allowed.
    static let questions = [["INFO"], ["ROLE"], ["MULTI"], ["DISCARD"]]

    let endpoint: RedisEndpoint
    let credentials: RedisCredentials?
    let isCluster: Bool
    private(set) var facts = ServerFacts()
    private(set) var problems: [String] = []
    private(set) var warnings: [String] = []
    /// Whether permissions can be asked for without executing anything.
    private(set) var mayQueue = false

    init(endpoint: RedisEndpoint, credentials: RedisCredentials?, isCluster: Bool) {
        self.endpoint = endpoint
        self.credentials = credentials
        self.isCluster = isCluster
    }

    /// For the report.
    var server: RedisReport.Server {
        RedisReport.Server(
            endpoint: endpoint, version: facts.version, role: facts.role, runID: facts.runID, maxmemory: facts.maxmemory,
            maxmemoryPolicy: facts.maxmemoryPolicy)
    }

    private mutating func problem(_ text: String) { problems.append("Redis at \(endpoint): \(text)") }
    private mutating func warning(_ text: String) { warnings.append("Redis at \(endpoint): \(text)") }

    /// There was no answer.
    mutating func unreachable(_ failure: RedisFailure, _ text: String) {
        switch failure {
        case .refused: problem("nothing listens there; start the server or correct host and port")
        case .timeout: problem("no answer in time; check the address, the network and whether the server hangs")
        case .disconnected, .breakerOpen, .runChanged, .moved, .server, .closed, .tooLarge:
            problem("cannot be reached (\(ServerAnswer.bounded(text))); check the address and that it is a Redis server without TLS")
        }
    }

    /// The replies to `questions`, a failed AUTH before them.
    mutating func answered(_ replies: [RedisValue]) {
        guard replies.count == Self.questions.count else {
            if case .error(let text) = replies.first { return problem(ServerAnswer.explained(text, credentials)) }
            return problem("does not answer as Redis does")
        }
        switch replies[0] {
        case .bytes(let text): facts = ServerFacts(info: text)
        case .error(let text): return problem(ServerAnswer.explained(text, credentials))
        case .null, .integer, .simple, .array: return problem("does not answer INFO as Redis does")
        }
        if let role = replies[1].array?.first?.text { facts.role = role }
        if case .error(let text) = replies[2] {
            warning("\(ServerAnswer.explained(text, credentials)); the other permissions were not checked")
        } else {
            mayQueue = true
        }
        judge()
    }

    private mutating func judge() {
        switch facts.role {
        case "master": break
        case "slave", "replica":
            problem("is a replica; name the master, or use redis+sentinel:// or redis-cluster:// so that it is found after a fail-over")
        case "sentinel": problem("is a Sentinel; use redis+sentinel://host:port/master-name")
        default: problem("does not tell its role; allow INFO and ROLE")
        }
        switch facts.isRecent {
        case true?: break
        case false?: problem("version \(ServerAnswer.bounded(facts.version ?? "")) is too old; at least 6.2 is needed")
        case nil: problem("does not tell its version in INFO; at least Redis 6.2 or Valkey is needed")
        }
        if facts.isLoading { problem("is still loading its data; it will be used when it is done") }
        if facts.runID?.isEmpty ?? true, facts.role != "sentinel" {
            problem("does not tell its run_id in INFO; a restart could not be noticed")
        }
        judgeMemory()
        if facts.isCluster != isCluster, facts.role != "sentinel" {
            if isCluster {
                problem("is not a member of a Redis Cluster; use redis://")
            } else {
                problem("is a member of a Redis Cluster; use redis-cluster://")
            }
        }
    }

    /// Every policy but noeviction may drop our keys: all of them have a time to live.
    private mutating func judgeMemory() {
        guard let policy = facts.maxmemoryPolicy, policy != "noeviction" else {
            if facts.maxmemoryPolicy == nil { warning("does not tell its maxmemory-policy; make sure that it is noeviction") }
            return
        }
        if facts.maxmemory == 0 {
            warning("maxmemory-policy is \(ServerAnswer.bounded(policy)), harmless only while maxmemory is 0; set noeviction")
        } else {
            problem("maxmemory-policy \(ServerAnswer.bounded(policy)) may drop limits that are in force; set it to noeviction")
        }
    }

    /// The replies to queued commands that ask for permissions.
    mutating func probed(_ replies: [RedisValue]) {
        var seen = Set<String>()
        for case .error(let text) in replies where text.hasPrefix("NOPERM") {
            let sentence = ServerAnswer.explained(text, credentials)
            if seen.insert(sentence).inserted { problem(sentence) }
        }
    }
}

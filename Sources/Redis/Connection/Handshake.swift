/// What is said on a new connection before it is used: log in, name, choose the database, ask who the server is. *State machine.*
///
/// All steps leave in one write. A server is used only when it is a master, has its data in memory, and says its run id.
struct Handshake {
    /// *Value.* The commands, in order.
    enum Step: Equatable {
        case auth
        case setName
        case select
        case info
        case role
        case ping
    }

    let steps: [Step]
    private let credentials: RedisCredentials?
    private let database: Int
    private let name: String
    private var facts = ServerFacts()
    private var problem: String?
    private var answered = 0

    /// A handshake with these parameters.
    init(credentials: RedisCredentials?, database: Int, name: String) {
        self.credentials = credentials
        self.database = database
        self.name = name
        steps = (credentials == nil ? [] : [.auth]) + [.setName] + (database == 0 ? [] : [.select]) + [.info, .role, .ping]
    }

    /// The command of a step.
    func command(_ step: Step) -> [[UInt8]] {
        switch step {
        case .auth: credentials?.command ?? []
        case .setName: ["CLIENT", "SETNAME", Self.printable(name)].map { Array($0.utf8) }
        case .select: ["SELECT", String(database)].map { Array($0.utf8) }
        case .info: [Array("INFO".utf8)]
        case .role: [Array("ROLE".utf8)]
        case .ping: [Array("PING".utf8)]
        }
    }

    /// The server's name for a connection may not contain spaces or line ends.
    static func printable(_ name: String) -> String {
        String(decoding: name.utf8.prefix(128).map { (0x21...0x7E).contains($0) ? $0 : 0x2D }, as: UTF8.self)
    }

    /// Takes the replies in the order of `steps`. Returns the outcome with the last one.
    mutating func received(_ value: RedisValue) -> Result<ServerFacts, RedisFailure>? {
        guard answered < steps.count else { return nil }
        let step = steps[answered]
        answered += 1
        if problem == nil { problem = take(value, step) }
        guard answered == steps.count else { return nil }
        if let problem = problem ?? unusable { return .failure(.server(problem)) }
        return .success(facts)
    }

    private mutating func take(_ value: RedisValue, _ step: Step) -> String? {
        switch (step, value) {
        // Only a convenience for the operator.
        case (.setName, .error(let text)): return text.hasPrefix("NOAUTH") ? ServerAnswer.explained(text, credentials) : nil
        // INFO says the role as well; ROLE is asked because it is what Sentinel clients must trust.
        case (.role, .error(let text)) where text.hasPrefix("NOPERM"): return nil
        case (_, .error(let text)): return ServerAnswer.explained(text, credentials)
        case (.info, .bytes(let text)): facts = ServerFacts(info: text)
        case (.role, .array(let parts)): facts.role = parts.first?.text ?? facts.role
        case (.auth, _), (.setName, _), (.select, _), (.info, _), (.role, _), (.ping, _): break
        }
        return nil
    }

    private var unusable: String? {
        switch facts.role {
        case "master": break
        case "slave", "replica": return "the server is a replica; name the master, or use redis+sentinel:// or redis-cluster://"
        case "sentinel": return "the server is a Sentinel; use redis+sentinel://host:port/master-name"
        default: return "the server does not say that it is a master"
        }
        if facts.isLoading { return "the server is still loading its data" }
        if facts.runID?.isEmpty ?? true { return "the server does not tell its run id in INFO" }
        return nil
    }
}

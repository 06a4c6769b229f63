/// Which Redis to talk to, and with what patience: the options of `redis.open`. *Value.*
///
/// Equal values mean the same client. The text of it holds no credentials. What the URLs say in detail is read by the client; here only
/// their form is checked, so that a typo is an error when the policy loads.
package struct RedisServerConfig: Sendable, Hashable {
    /// One URL, or the first nodes of a Redis Cluster. May contain a password.
    package let urls: [String]
    /// Whether a single URL is a node of a Redis Cluster; a list always is.
    package let isCluster: Bool
    /// The ACL user; nil for the one in the URL, or the default user.
    package let username: String?
    /// The password; nil for the one in the URL, or none.
    package let password: String?
    /// How many connections at most.
    package let poolSize: Int
    /// How long connecting may take; nil for the client's own choice.
    package let connectTimeout: Duration?
    /// How long to wait for a free connection; nil for the client's own choice.
    package let waitTimeout: Duration?
    /// How long an answer may take; nil for the client's own choice.
    package let responseTimeout: Duration?
    /// How long the check of a used connection may take; nil for the client's own choice.
    package let recycleTimeout: Duration?
    /// Whether reads may go to replicas.
    package let readFromReplicas: Bool

    /// Reads and checks the table of `redis.open`.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        try self.init(OptionReader(table, Self.options))
    }

    /// Reads the options out of a larger table.
    init(_ read: OptionReader) throws(ConfigError) {
        urls = try Self.urls(read)
        isCluster = try read.bool("cluster", false) || urls.count > 1
        username = try Self.credential(read, "username")
        password = try Self.credential(read, "password")
        poolSize = try read.int("pool_size", 10, in: 1...1024)
        connectTimeout = try read.optionalDuration("connect_timeout", in: Self.patience)
        waitTimeout = try read.optionalDuration("wait_timeout", in: Self.patience)
        responseTimeout = try read.optionalDuration("response_timeout", in: Self.patience)
        recycleTimeout = try read.optionalDuration("recycle_timeout", in: Self.patience)
        readFromReplicas = try read.bool("read_from_replicas", false)
    }

    /// Every name of the table.
    static let options = OptionSchema(owner: "redis", rules: rules)

    /// The rules, also for tables that have more names.
    static let rules: [String: OptionRule] = [
        "node": .field, "cluster": .field, "username": .field, "password": .field, "pool_size": .field, "connect_timeout": .field,
        "wait_timeout": .field, "response_timeout": .field, "recycle_timeout": .field, "read_from_replicas": .field,
    ]

    private static let patience: ClosedRange<Duration> = .milliseconds(1) ... .seconds(3600)
    private static let mostNodes = 64
    private static let accepted =
        "'redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]', 'redis+sentinel://HOST:PORT,HOST:PORT/MASTER', 'redis-cluster://HOST:PORT,HOST:PORT'"

    private static func urls(_ read: OptionReader) throws(ConfigError) -> [String] {
        guard let value = read.value("node") else {
            throw read.schema.fail("node", "is required: a URL or a list of URLs, \(accepted)")
        }
        let items: [ConfigValue] = value.stringValue != nil ? [value] : value.listValue ?? []
        guard (1...mostNodes).contains(items.count) else {
            throw read.schema.fail("node", "must be a URL or a list of 1 to \(mostNodes) URLs, \(accepted)")
        }
        var urls: [String] = []
        for item in items {
            guard let text = item.stringValue else { throw read.schema.fail("node", "must be a URL or a list of URLs, \(accepted)") }
            if let problem = problem(text) { throw read.schema.fail("node", problem) }
            urls.append(text)
        }
        return urls
    }

    /// Never repeats the URL: it may hold a password.
    private static func problem(_ url: String) -> String? {
        guard (1...2048).contains(url.utf8.count), url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return "must be a URL of at most 2048 ASCII characters without spaces, \(accepted)"
        }
        guard let end = url.firstRange(of: "://") else { return "must start with a scheme: \(accepted)" }
        guard end.upperBound < url.endIndex else { return "must name a host: \(accepted)" }
        switch url[..<end.lowerBound] {
        case "redis", "redis+sentinel", "redis-cluster": return nil
        case "rediss", "valkeys", "rediss+sentinel", "rediss-cluster":
            return "asks for TLS, which is not supported yet by this version; use redis:// over a private network or a TLS tunnel"
        case "unix", "redis+unix": return "asks for a Unix socket, which is not supported; use redis://HOST:PORT"
        default: return "has a scheme that is not supported; accepted: \(accepted)"
        }
    }

    private static func credential(_ read: OptionReader, _ option: String) throws(ConfigError) -> String? {
        guard let value = read.value(option) else { return nil }
        guard let text = value.stringValue, (1...1024).contains(text.utf8.count), TextCheck.isPrintable(text) else {
            throw read.schema.fail(option, "must be a text of 1 to 1024 bytes without control characters")
        }
        return text
    }
}

extension RedisServerConfig: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How many nodes, without the URLs.
    package var description: String { "redis (\(isCluster ? "cluster, " : "")\(urls.count) URL\(urls.count == 1 ? "" : "s"))" }
    /// As the description: a debugger's log is a log.
    package var debugDescription: String { description }
    /// Nothing, so that no dump shows a password.
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

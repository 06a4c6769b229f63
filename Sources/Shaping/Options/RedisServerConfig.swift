package import Options

/// Which Redis to talk to, and with what patience: the options of `redis.open`. *Value.*
///
/// Equal values mean the same client. The text of it holds no credentials. What the URLs say in detail is read by the client; here only
/// their form is checked, so that a typo is an error when the policy loads.
package struct RedisServerConfig: OptionTable, Hashable {
    /// One URL, or the first nodes of a Redis Cluster. May contain a password.
    package var urls: [String] = []
    private var asksForCluster = false
    /// The ACL user; nil for the one in the URL, or the default user.
    package var username: String?
    /// The password; nil for the one in the URL, or none.
    package var password: String?
    /// How many connections at most.
    package var poolSize = 10
    /// How long connecting may take; nil for the client's own choice.
    package var connectTimeout: Duration?
    /// How long to wait for a free connection; nil for the client's own choice.
    package var waitTimeout: Duration?
    /// How long an answer may take; nil for the client's own choice.
    package var responseTimeout: Duration?
    /// How long the check of a used connection may take; nil for the client's own choice.
    package var recycleTimeout: Duration?
    /// Whether reads may go to replicas.
    package var readFromReplicas = false

    /// The defaults.
    package init() {}

    /// Whether a single URL is a node of a Redis Cluster; a list always is.
    package var isCluster: Bool { asksForCluster || urls.count > 1 }

    /// Every name of the table.
    package static let options = OptionList<RedisServerConfig>("redis") {
        let patience = OptionKind<Duration>.duration(.milliseconds(1) ... .seconds(3600))
        OptionRow.required(
            "node", \.urls, .redisURLs,
            "`redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, `redis+sentinel://HOST:PORT,HOST:PORT/MASTER`, `redis-cluster://HOST:PORT,…`, or a "
                + "list of URLs, which means a Redis Cluster. `rediss://` (TLS) is refused: not supported yet")
        OptionRow("cluster", \.asksForCluster, .bool, "one URL is a node of a Redis Cluster")
        OptionRow("username", \.username, .redisCredential, none: "that in the URL", "the ACL user")
        OptionRow("password", \.password, .redisCredential, none: "that in the URL", "the password")
        OptionRow(
            "response_timeout", \.responseTimeout, patience, none: "5 s in `conn:query`, 100 ms for limits",
            "how long an answer may take; for limits taken as 20 ms to 1 s, and a later answer counts as none")
        OptionRow("connect_timeout", \.connectTimeout, patience, none: "the client's choice", "how long connecting may take")
        OptionRow("pool_size", \.poolSize, .int(1...1024), "checked; commands of all handlers share connections to the master")
        OptionRow("wait_timeout", \.waitTimeout, patience, "checked, as above")
        OptionRow("recycle_timeout", \.recycleTimeout, patience, "checked, as above")
        OptionRow("read_from_replicas", \.readFromReplicas, .bool, "checked, as above")
    }
}

extension OptionKind where Value == String {
    /// A user or a password. Never repeated in an error.
    fileprivate static var redisCredential: OptionKind {
        let accepted = "a text of 1 to 1024 bytes without control characters"
        return OptionKind(accepted, values: "1 to 1024 bytes", text: { _ in "" }) { value, reader, name throws(ConfigError) in
            guard let text = value.stringValue, (1...1024).contains(text.utf8.count), TextCheck.isPrintable(text) else {
                throw reader.fail(name, "must be \(accepted)")
            }
            return text
        }
    }
}

extension OptionKind where Value == [String] {
    /// URLs of Redis servers. Never repeated in an error: they may hold a password.
    fileprivate static var redisURLs: OptionKind {
        let accepted =
            "'redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]', 'redis+sentinel://HOST:PORT,HOST:PORT/MASTER', 'redis-cluster://HOST:PORT,HOST:PORT'"
        let most = 64
        return OptionKind(
            "a URL or a list of URLs, \(accepted)", values: "a URL, or a list of at most \(most)", text: { _ in "" }
        ) { value, reader, name throws(ConfigError) in
            let items: [ConfigValue] = value.stringValue != nil ? [value] : value.listValue ?? []
            guard (1...most).contains(items.count) else {
                throw reader.fail(name, "must be a URL or a list of 1 to \(most) URLs, \(accepted)")
            }
            var urls: [String] = []
            for item in items {
                guard let text = item.stringValue else { throw reader.fail(name, "must be a URL or a list of URLs, \(accepted)") }
                if let problem = problem(text, accepted) { throw reader.fail(name, problem) }
                urls.append(text)
            }
            return urls
        }
    }

    private static func problem(_ url: String, _ accepted: String) -> String? {
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
}

extension RedisServerConfig: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// How many nodes, without the URLs.
    package var description: String { "redis (\(isCluster ? "cluster, " : "")\(urls.count) URL\(urls.count == 1 ? "" : "s"))" }
    /// As the description: a debugger's log is a log.
    package var debugDescription: String { description }
    /// Nothing, so that no dump shows a password.
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// Which servers a client uses, and how. *Value.*
package struct RedisConfiguration: Sendable {
    /// *Value.* How the servers stand together.
    enum Kind: Sendable, Equatable {
        case single(RedisEndpoint)
        case sentinel(master: String, sentinels: [RedisEndpoint])
        /// Some servers of the cluster; they tell the others.
        case cluster([RedisEndpoint])
    }

    let kind: Kind
    private(set) var credentials: RedisCredentials?
    /// The database that SELECT chooses.
    let database: Int
    /// How long one attempt to connect and log in may take.
    package let connectTimeout: Duration
    /// How long a command may take when the caller does not say.
    package let commandTimeout: Duration
    /// Whether a refused connection proves that the server does not run, also when it is given by name and the name could lead elsewhere.
    package var trustsRefusalOfName = false
    /// What stands between the socket and the protocol.
    var transport = RedisTransport.plain

    /// Reads the URLs.
    ///
    /// - `redis://[user[:password]@]host[:port][/db]`
    /// - `redis+sentinel://[user[:password]@]host[:26379],host/master-name[/db]`; the credentials are those of the data servers, and of the
    ///   Sentinels when they ask for some
    /// - `redis-cluster://[user[:password]@]host[:port],host`; so is a list of `redis://` URLs, or one with `cluster`
    ///
    /// Reserved characters of user and password are written `%XX`.
    /// - Throws: a sentence that names the part at fault and the accepted form.
    package init(
        urls: [String], username: String? = nil, password: String? = nil, cluster: Bool = false,
        connectTimeout: Duration = .seconds(2), commandTimeout: Duration = .milliseconds(100)
    ) throws(RedisError) {
        guard connectTimeout > .zero, connectTimeout <= .seconds(600), commandTimeout > .zero, commandTimeout <= .seconds(600) else {
            throw RedisError(.invalidOption, "a Redis timeout is not between 0 and 600 s", remedy: "connect 2 s, command 100 ms are usual")
        }
        guard !urls.isEmpty else {
            throw RedisError(.invalidURL, "no Redis URL is given", remedy: RedisURL.forms)
        }
        var parsed: [RedisURL] = []
        for url in urls { parsed.append(try RedisURL(url)) }
        kind = try Self.kind(of: parsed, cluster: cluster)
        database = parsed.compactMap(\.database).first ?? 0
        credentials = try Self.credentials(of: parsed, username: username, password: password)
        self.connectTimeout = connectTimeout
        self.commandTimeout = commandTimeout
    }

    private static func kind(of urls: [RedisURL], cluster: Bool) throws(RedisError) -> Kind {
        let endpoints = urls.flatMap(\.endpoints)
        let isCluster = cluster || urls.count > 1 || urls[0].scheme == .cluster
        for url in urls where url.scheme == .sentinel {
            if urls.count > 1 {
                throw RedisError(
                    .contradiction, "a list of Redis URLs is a Redis Cluster and has no Sentinels",
                    remedy: "write all Sentinels into one URL: redis+sentinel://host1,host2/master-name")
            }
            if cluster {
                throw RedisError(
                    .contradiction, "Sentinel and Redis Cluster exclude each other", remedy: "leave out cluster, or use redis-cluster://")
            }
            return .sentinel(master: url.master, sentinels: endpoints)
        }
        guard isCluster else { return .single(endpoints[0]) }
        if urls.contains(where: { ($0.database ?? 0) != 0 }) {
            throw RedisError(.contradiction, "a Redis Cluster has only database 0", remedy: "leave the database out of the URL")
        }
        guard endpoints.count <= RedisURL.maxHosts else {
            throw RedisError(
                .invalidURL, "more than \(RedisURL.maxHosts) hosts are given", remedy: "a few are enough, they tell the others")
        }
        return .cluster(endpoints)
    }

    private static func credentials(
        of urls: [RedisURL], username: String?, password: String?
    ) throws(RedisError) -> RedisCredentials? {
        let users = Set(urls.compactMap(\.username) + (username.map { [$0] } ?? []))
        let passwords = Set(urls.compactMap(\.password) + (password.map { [$0] } ?? []))
        guard users.count < 2, passwords.count < 2 else {
            throw RedisError(
                .contradiction, "different \(users.count < 2 ? "passwords" : "user names") for Redis are given",
                remedy: "give them once, in the URL or as options")
        }
        guard let password = passwords.first else {
            guard users.isEmpty else {
                throw RedisError(
                    .invalidURL, "a user name for Redis is given without a password",
                    remedy: "redis://user:password@host, or the option password")
            }
            return nil
        }
        guard !password.isEmpty else {
            throw RedisError(.invalidURL, "the password for Redis is empty", remedy: "leave out the colon and the at sign, or give one")
        }
        return RedisCredentials(username: users.first.flatMap { $0.isEmpty ? nil : $0 }, password: password)
    }

    /// Whether it is a Redis Cluster.
    package var isCluster: Bool {
        switch kind {
        case .cluster: true
        case .single, .sentinel: false
        }
    }

    /// The same, without logging in.
    var withoutCredentials: RedisConfiguration {
        var copy = self
        copy.credentials = nil
        return copy
    }

    /// The URL without the password, for logs.
    package var redactedText: String {
        let login = credentials.map { "\($0)@" } ?? ""
        let suffix = database == 0 ? "" : "/\(database)"
        switch kind {
        case .single(let endpoint): return "redis://\(login)\(endpoint)\(suffix)"
        case .sentinel(let master, let sentinels):
            return "redis+sentinel://\(login)\(sentinels.map(\.description).joined(separator: ","))/\(master)\(suffix)"
        case .cluster(let seeds): return "redis-cluster://\(login)\(seeds.map(\.description).joined(separator: ","))"
        }
    }
}

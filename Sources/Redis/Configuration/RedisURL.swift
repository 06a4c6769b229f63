/// One URL of Redis, taken apart. *Value.*
///
/// *Diagnostics*: every error names the part and the accepted form, and repeats nothing of the URL but its scheme: what is at fault
/// may be a piece of a password.
struct RedisURL: Equatable {
    /// *Value.* How the hosts are meant.
    enum Scheme: String {
        case single = "redis"
        case sentinel = "redis+sentinel"
        case cluster = "redis-cluster"

        var port: Int { self == .sentinel ? 26_379 : 6_379 }
    }

    static let forms =
        "redis://[user[:password]@]host[:port][/db], redis+sentinel://host1,host2/master-name[/db] or redis-cluster://host1,host2"
    static let maxHosts = 64

    let scheme: Scheme
    let username: String?
    let password: String?
    let endpoints: [RedisEndpoint]
    /// The name the Sentinels know the master by; empty for the other schemes.
    let master: String
    let database: Int?

    init(_ text: String) throws(RedisError) {
        guard text.utf8.count <= 8_192 else { throw Self.fault("is longer than 8192 bytes") }
        let bytes = Array(text.utf8)
        scheme = try Self.scheme(of: bytes)
        let rest = bytes[(scheme.rawValue.utf8.count + 3)...]
        guard !rest.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else { throw Self.fault("contains a space or control character") }
        guard !rest.contains(UInt8(ascii: "?")), !rest.contains(UInt8(ascii: "#")) else {
            throw Self.fault(
                "has a query or fragment", remedy: "options are not written into the URL; in a password write %3F for ? and %23 for #")
        }
        let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        let authority = rest[..<slash]
        guard !rest[slash...].contains(UInt8(ascii: "@")) else {
            throw Self.fault("has an at sign behind a slash", remedy: "in a password write %2F for / and %40 for @")
        }
        let at = authority.lastIndex(of: UInt8(ascii: "@"))
        (username, password) = try Self.login(at.map { authority[..<$0] })
        endpoints = try Self.hosts(authority[(at.map { $0 + 1 } ?? authority.startIndex)...], scheme)
        (master, database) = try Self.path(rest[slash...], scheme)
    }

    private static func scheme(of bytes: [UInt8]) throws(RedisError) -> Scheme {
        let mark = Array("://".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }), end <= 20 else {
            throw fault("has no scheme")
        }
        let name = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
        if let scheme = Scheme(rawValue: name) { return scheme }
        if name.hasPrefix("rediss") {
            throw RedisError(
                .noTLS, "TLS to Redis comes with the TLS of this product",
                remedy: "until then use redis:// over a private network or a TLS tunnel")
        }
        if name.hasSuffix("unix") || name == "file" || name == "redis-socket" {
            throw RedisError(.invalidURL, "Unix sockets are not supported for Redis", remedy: "redis://127.0.0.1:6379")
        }
        throw fault("has an unknown scheme")
    }

    private static func login(_ text: ArraySlice<UInt8>?) throws(RedisError) -> (String?, String?) {
        guard let text else { return (nil, nil) }
        let colon = text.firstIndex(of: UInt8(ascii: ":"))
        let user = try decoded(text[..<(colon ?? text.endIndex)], "user name")
        let password: String? = if let colon { try decoded(text[(colon + 1)...], "password") } else { nil }
        return (user.isEmpty ? nil : user, password)
    }

    private static func hosts(_ text: ArraySlice<UInt8>, _ scheme: Scheme) throws(RedisError) -> [RedisEndpoint] {
        let parts = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard parts.count == 1 || scheme != .single else {
            throw fault("has several hosts", remedy: "use redis-cluster://host1,host2 or redis+sentinel://host1,host2/master-name")
        }
        guard parts.count <= maxHosts else { throw fault("has more than \(maxHosts) hosts") }
        var endpoints: [RedisEndpoint] = []
        for part in parts { endpoints.append(try endpoint(part, scheme)) }
        return endpoints
    }

    private static func endpoint(_ text: ArraySlice<UInt8>, _ scheme: Scheme) throws(RedisError) -> RedisEndpoint {
        let host: ArraySlice<UInt8>
        let rest: ArraySlice<UInt8>
        if text.first == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]")) else { throw fault("has a host with [ but without ]") }
            host = text[(text.startIndex + 1)..<close]
            rest = text[(close + 1)...]
            guard host.contains(UInt8(ascii: ":")),
                host.allSatisfy({ isHexadecimal($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
            else { throw fault("has no IPv6 address between [ and ]") }
        } else {
            let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
        }
        guard !host.isEmpty else { throw fault("has an empty host") }
        guard host.count <= 255, host.allSatisfy(isHostByte) else {
            throw fault("has a host that is neither a name nor an address")
        }
        guard !rest.isEmpty else { return RedisEndpoint(host: String(decoding: host, as: UTF8.self), port: scheme.port) }
        guard rest.first == UInt8(ascii: ":"), let port = number(rest.dropFirst(), upTo: 65_535), port > 0 else {
            throw fault("has a port that is not a number from 1 to 65535", remedy: "host:\(scheme.port); IPv6 addresses stand in [ ]")
        }
        return RedisEndpoint(host: String(decoding: host, as: UTF8.self), port: port)
    }

    private static func path(_ text: ArraySlice<UInt8>, _ scheme: Scheme) throws(RedisError) -> (String, Int?) {
        var parts = text.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        var master = ""
        if scheme == .sentinel {
            guard let name = parts.first, !name.isEmpty else {
                throw fault("does not name the master", remedy: "redis+sentinel://host1,host2/master-name[/db]")
            }
            master = try decoded(name, "master name")
            parts.removeFirst()
        }
        guard let last = parts.first else { return (master, nil) }
        guard parts.count == 1, let database = number(last, upTo: 65_535) else {
            throw fault("has a path that is not the number of a database", remedy: forms)
        }
        return (master, database)
    }

    private static func decoded(_ text: ArraySlice<UInt8>, _ part: String) throws(RedisError) -> String {
        var bytes: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            guard text[index] == UInt8(ascii: "%") else {
                bytes.append(text[index])
                index += 1
                continue
            }
            guard index + 2 < text.endIndex, isHexadecimal(text[index + 1]), isHexadecimal(text[index + 2]),
                let byte = UInt8(String(decoding: text[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
            else { throw fault("has a % in the \(part) that two hexadecimal digits do not follow", remedy: "write %25 for %") }
            bytes.append(byte)
            index += 3
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func number(_ text: ArraySlice<UInt8>, upTo limit: Int) -> Int? {
        guard (1...5).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let value = text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return value <= limit ? value : nil
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte & 0xDF)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || [0x2D, 0x2E, 0x5F, 0x3A].contains(byte)
    }

    private static func fault(_ what: String, remedy: String = forms) -> RedisError {
        RedisError(.invalidURL, "the Redis URL \(what)", remedy: remedy)
    }
}

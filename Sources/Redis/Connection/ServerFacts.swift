/// What a server says of itself in INFO. *Value.*
struct ServerFacts: Sendable, Equatable {
    /// `redis_version`; Valkey and others give the version of Redis they are compatible with.
    var version: String?
    /// Random name of the server process.
    var runID: String?
    /// `master`, `slave` or `sentinel`.
    var role: String?
    var isLoading = false
    var maxmemory: Int64?
    var maxmemoryPolicy: String?
    var isCluster = false

    init() {}

    /// Reads the reply of INFO; unknown lines are left alone.
    init(info: [UInt8]) {
        for line in info.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) where line.count < 512 {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
            switch String(decoding: line[..<colon], as: UTF8.self) {
            case "redis_version": version = value
            case "run_id": runID = value
            case "role": role = value
            case "loading": isLoading = value != "0"
            case "maxmemory": maxmemory = Int64(value)
            case "maxmemory_policy": maxmemoryPolicy = value
            case "cluster_enabled": isCluster = value == "1"
            case "redis_mode": if value == "sentinel" { role = "sentinel" }
            default: break
            }
        }
    }

    /// Major and minor version, if there is one.
    var versionNumbers: (major: Int, minor: Int)? {
        guard let parts = version?.split(separator: "."), parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else {
            return nil
        }
        return (major, minor)
    }

    /// Whether the version is new enough; nil when it is not known.
    var isRecent: Bool? { versionNumbers.map { ($0.major, $0.minor) >= (6, 2) } }
}

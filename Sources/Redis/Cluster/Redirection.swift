/// Where a server of a Redis Cluster sends a command. *Value.*
struct Redirection: Equatable {
    /// The slot has moved for good; else only this command goes elsewhere, behind ASKING.
    let isPermanent: Bool
    let slot: Int
    /// An empty host: the one that answered.
    let host: String
    let port: Int

    /// Reads `MOVED slot host:port` or `ASK slot host:port`; nil for any other error.
    init?(_ text: String) {
        let parts = text.utf8.prefix(400).split(separator: 0x20)
        guard parts.count >= 3, let kind = Optional(String(decoding: parts[0], as: UTF8.self)), kind == "MOVED" || kind == "ASK",
            let slot = Int(String(decoding: parts[1], as: UTF8.self)), (0..<KeySlot.count).contains(slot),
            let colon = parts[2].lastIndex(of: UInt8(ascii: ":")),
            let port = Int(String(decoding: parts[2][parts[2].index(after: colon)...], as: UTF8.self)), (1...65_535).contains(port)
        else { return nil }
        isPermanent = kind == "MOVED"
        self.slot = slot
        self.port = port
        host = String(decoding: parts[2][..<colon], as: UTF8.self)
    }

    /// The endpoint, seen from the server that answered; nil when the host is no host.
    func endpoint(seenFrom server: RedisEndpoint) -> RedisEndpoint? {
        RedisEndpoint.told(host: host.isEmpty || host == "?" ? server.host : host, port: Int64(port))
    }
}

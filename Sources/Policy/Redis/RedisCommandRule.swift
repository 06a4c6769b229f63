/// *value*: what must be known of a Redis command: whether handlers may send it over a connection they share, and where its key is.
enum RedisCommandRule {
    /// Why the command is refused; nil when it may be sent.
    static func problem(_ parts: [[UInt8]]) -> String? {
        guard let name = parts.first, (1...64).contains(name.count), name.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return "the command must be a name such as 'GET'"
        }
        let command = upper(name)
        if connectionCommands.contains(command) {
            return "\(command) changes the connection, which all handlers share; to do several things at once use EVAL"
        }
        let readsStream = command == "XREAD" || command == "XREADGROUP"
        let blocks =
            blockingCommands.contains(command)
            || readsStream && parts.prefix(while: { upper($0) != "STREAMS" }).contains { upper($0) == "BLOCK" }
        return blocks ? "\(command) would block the connection, which all handlers share; ask again after kumo.sleep" : nil
    }

    /// The part that decides where the command goes; nil when it has no key, so that any server will do.
    static func keyIndex(_ parts: [[UInt8]]) -> Int? {
        let command = upper(parts.first ?? [])
        let index: Int?
        switch command {
        case "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO":
            index = parts.count > 3 && parts[2] != Array("0".utf8) ? 3 : nil
        case "XREAD", "XREADGROUP":
            index = parts.firstIndex { upper($0) == "STREAMS" }.map { $0 + 1 }
        case "BITOP", "OBJECT", "MEMORY", "XINFO", "XGROUP", "LMPOP", "ZMPOP", "ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD", "SINTERCARD":
            index = 2
        default: index = keyless.contains(command) ? nil : 1
        }
        return index.flatMap { $0 < parts.count ? $0 : nil }
    }

    private static func upper(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix(64).map { (0x61...0x7A).contains($0) ? $0 & 0xDF : $0 }, as: UTF8.self)
    }

    private static let connectionCommands: Set<String> = [
        "ASKING", "AUTH", "CLIENT", "DISCARD", "EXEC", "HELLO", "MONITOR", "MULTI", "PSUBSCRIBE", "PSYNC", "PUNSUBSCRIBE", "QUIT",
        "READONLY",
        "READWRITE", "REPLCONF", "RESET", "SELECT", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "SYNC", "UNSUBSCRIBE", "UNWATCH", "WATCH",
    ]
    private static let blockingCommands: Set<String> = [
        "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "WAIT", "WAITAOF",
    ]
    private static let keyless: Set<String> = [
        "ACL", "BGREWRITEAOF", "BGSAVE", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "DEBUG", "ECHO", "FLUSHALL", "FLUSHDB", "FUNCTION",
        "INFO",
        "KEYS", "LASTSAVE", "LATENCY", "LOLWUT", "MODULE", "PING", "PUBLISH", "PUBSUB", "RANDOMKEY", "ROLE", "SAVE", "SCAN", "SCRIPT",
        "SHUTDOWN", "SLOWLOG", "SWAPDB", "TIME",
    ]
}

/// Whom of the Sentinels to ask for the master, and what their answers mean. *State machine.*
///
/// The Sentinel that answered last is asked first; one that fails or does not know the master is passed over; after the last one the
/// round ends and the caller waits before the next.
struct SentinelDiscovery {
    /// *Value.* What the driver has to do.
    enum Action: Equatable {
        case ask(RedisEndpoint)
        case master(RedisEndpoint)
        case giveUp(RedisFailure)
    }

    let master: String
    private var sentinels: [RedisEndpoint]
    private var next = 0
    private var someoneAnswered = false

    init(sentinels: [RedisEndpoint], master: String) {
        self.sentinels = sentinels
        self.master = master
    }

    /// The question.
    var question: [[UInt8]] { ["SENTINEL", "get-master-addr-by-name", master].map { Array($0.utf8) } }

    /// A round begins.
    mutating func begin() -> Action {
        next = 0
        someoneAnswered = false
        return advance()
    }

    private mutating func advance() -> Action {
        guard next < sentinels.count else {
            return .giveUp(someoneAnswered ? .server("no Sentinel knows a master named \(ServerAnswer.bounded(master))") : .disconnected)
        }
        next += 1
        return .ask(sentinels[next - 1])
    }

    /// The Sentinel that was asked cannot be reached, or answers with an error.
    mutating func failed() -> Action { advance() }

    /// The reply to the question.
    mutating func answered(_ value: RedisValue) -> Action {
        switch value {
        case .array(let parts):
            guard parts.count == 2, let host = parts[0].text, let port = parts[1].integer,
                let endpoint = RedisEndpoint.told(host: host, port: port)
            else { return advance() }
            if next > 1, next <= sentinels.count { sentinels.swapAt(0, next - 1) }
            return .master(endpoint)
        case .null:
            someoneAnswered = true
            return advance()
        case .integer, .bytes, .simple, .error: return advance()
        }
    }

    /// A message of `+switch-master`: `name old-host old-port new-host new-port`. The new master, if it is about ours.
    func switched(_ message: [UInt8]) -> RedisEndpoint? {
        let parts = message.prefix(2_048).split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 5, parts[0] == master, let port = Int64(parts[4]) else { return nil }
        return RedisEndpoint.told(host: parts[3], port: port)
    }
}

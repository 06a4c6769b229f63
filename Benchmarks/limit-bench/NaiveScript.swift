/// A script called by its hash, and in full when the server does not know it. *Loop-confined.*
final class NaiveScript {
    private let text: String
    private var hash: String?

    init(_ text: String) { self.text = text }

    /// The integer it answers, or nil when the call failed.
    func call(_ socket: RedisSocket, keys: [String], arguments: [String]) -> Int64? {
        for _ in 0..<2 {
            if hash == nil {
                guard case .text(let bytes)? = socket.call(["SCRIPT", "LOAD", text]) else { return nil }
                hash = String(decoding: bytes, as: UTF8.self)
            }
            guard let hash else { return nil }
            switch socket.call(["EVALSHA", hash, "\(keys.count)"] + keys + arguments) {
            case .integer(let value): return value
            case .error(let message) where message.hasPrefix("NOSCRIPT"): self.hash = nil
            default: return nil
            }
        }
        return nil
    }
}

/// What errors of a server mean to the operator. A namespace.
enum ServerAnswer {
    /// One sentence with the remedy; the server's own words where there is none.
    static func explained(_ text: String, _ credentials: RedisCredentials?) -> String {
        let user = credentials?.user ?? "default"
        if text.hasPrefix("NOAUTH") {
            return "the server asks for a password; write redis://:password@host, or give the option password"
        }
        if text.hasPrefix("WRONGPASS") || text.contains("invalid password") {
            return "the server does not accept the password of the user \(user); correct the password or enable the user"
        }
        if text.contains("without any password configured") || text.contains("no password is set") {
            return "a password is configured, but the server has none; remove it here, or set requirepass or an ACL user there"
        }
        if text.hasPrefix("NOPERM") { return denied(text, user: user) }
        if text.hasPrefix("LOADING") { return "the server is still loading its data" }
        if text.hasPrefix("ERR DB index") || text.hasPrefix("ERR invalid DB index") {
            return "the server has no such database; correct the number behind the host, or raise 'databases' there"
        }
        return bounded(text)
    }

    /// What an ACL user lacks.
    static func denied(_ text: String, user: String) -> String {
        // ... has no permissions to run the 'evalsha' command
        if let start = text.firstRange(of: "run the '")?.upperBound, let end = text[start...].firstIndex(of: "'") {
            let command = bounded(text[start..<end].lowercased())
            return "the user \(user) may not run \(command.uppercased()); add +\(command) to its ACL"
        }
        if text.contains("channel") { return "the user \(user) may not use the channel; add &apus:* (your prefix) to its ACL" }
        if text.contains("key") { return "the user \(user) may not access the key; add ~apus:* (your prefix) to its ACL" }
        return "the user \(user) lacks a permission: \(bounded(text))"
    }

    /// The text, short enough for a log and without control characters.
    static func bounded(_ text: String) -> String {
        String(decoding: text.utf8.prefix(200).map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
    }

    /// Whether the error says that the server has lost its role or its data, so that it must be looked at again.
    static func isNoLongerMaster(_ text: String) -> Bool {
        // Until version 7 a script's error is wrapped into another one.
        text.hasPrefix("READONLY") || text.hasPrefix("LOADING") || text.hasPrefix("MASTERDOWN") || text.contains(": -READONLY")
    }
}

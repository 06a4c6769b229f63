/// With whom a client logs in. *Value.* Its description does not show the password.
struct RedisCredentials: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// The ACL user; nil is the default user.
    let username: String?
    let password: String

    /// The user as it may be shown.
    var user: String { username ?? "default" }

    /// The AUTH command. The form with one argument also serves passwords set by `requirepass`.
    var command: [[UInt8]] {
        var parts = [Array("AUTH".utf8)]
        if let username { parts.append(Array(username.utf8)) }
        parts.append(Array(password.utf8))
        return parts
    }

    var description: String { "\(username ?? ""):***" }
    var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}

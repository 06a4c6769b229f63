/// A Lua script and its name in the servers' script caches. *Value.*
package struct RedisScript: Sendable, Equatable {
    /// The Lua source.
    package let text: String
    /// SHA-1 of the source, 40 hexadecimal digits, as EVALSHA wants it.
    package let sha1: String

    /// A script; computes its SHA-1, so keep it.
    package init(_ text: String) {
        self.text = text
        sha1 = SHA1.hexadecimal(of: Array(text.utf8))
    }
}

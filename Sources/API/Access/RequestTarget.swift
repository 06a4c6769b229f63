/// *Value*: the target of a request (RFC 9112 3.2), taken apart once, so that who checks a path and who serves it see the same.
package struct RequestTarget: Sendable, Equatable {
    /// From the first slash to the query; `*` for the whole server, empty when the target is neither.
    package let path: String
    /// Path and query: the target in origin form.
    let origin: String
    /// Scheme and authority as written, of a target in absolute form.
    package let absolute: (scheme: String, authority: String)?

    /// Reads the target of a request line (RFC 9112 3.2).
    package init(_ text: String) {
        var rest = Substring(text.utf8.prefix { $0 != UInt8(ascii: "#") })
        if rest.utf8.first != UInt8(ascii: "/"), let separator = Self.separator(in: rest) {
            let start = rest.utf8.index(separator, offsetBy: 3)
            let end = rest.utf8[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            absolute = (rest[..<separator].lowercased(), String(rest[start..<end]))
            rest = rest[end...]
            if rest.utf8.first != UInt8(ascii: "/") { rest = "/" + rest }
        } else {
            absolute = nil
        }
        let path = String(Substring(rest.utf8.prefix { $0 != UInt8(ascii: "?") }))
        self.path = path.utf8.first == UInt8(ascii: "/") || path == "*" ? path : ""
        origin = String(rest)
    }

    private static func separator(in text: Substring) -> String.Index? {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), text[colon...].utf8.starts(with: "://".utf8) else { return nil }
        return colon
    }

    package static func == (one: RequestTarget, other: RequestTarget) -> Bool {
        one.path == other.path && one.origin == other.origin && one.absolute?.scheme == other.absolute?.scheme
            && one.absolute?.authority == other.absolute?.authority
    }
}

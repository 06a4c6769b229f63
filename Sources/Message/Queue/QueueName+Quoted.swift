// The quoted form of a queue name: `campaign:tenant@domain!routing_domain!!`, where a component that holds a separator, a quote or a
// backslash stands in quotes, with a backslash before each quote and backslash in it.
//
// The mark at the end makes the form unambiguous: right of the last `@` a plain name has at most one `!`, so no text that was ever a name
// ends with `!!`.
extension QueueName {
    /// Whether a text is written in the quoted form.
    static func isQuoted(_ text: String) -> Bool {
        text.utf8.count > 2 && text.utf8.suffix(2).allSatisfy { $0 == Byte.bang }
    }

    /// The quoted form.
    var quotedText: String {
        var text = ""
        if let campaign { text += Self.quoted(campaign) + ":" }
        if let tenant { text += Self.quoted(tenant) }
        if !text.isEmpty { text += "@" }
        text += Self.quoted(domain)
        if let routingDomain { text += "!" + Self.quoted(routingDomain) }
        return text + "!!"
    }

    /// Reads the quoted form.
    init(quoted text: String) throws(QueueNameError) {
        var scanner = ComponentScanner(rest: text.utf8.dropLast(2))
        var campaign: String?
        var tenant: String?
        var domain = try scanner.component("domain")
        switch scanner.next() {
        case Byte.colon:
            campaign = domain
            tenant = try scanner.component("tenant")
            guard scanner.next() == Byte.at else { throw QueueNameError(code: .quoting, component: "tenant") }
            domain = try scanner.component("domain")
        case Byte.at:
            tenant = domain
            domain = try scanner.component("domain")
        case let other: scanner.putBack(other)
        }
        var routingDomain: String?
        switch scanner.next() {
        case nil: break
        case Byte.bang:
            routingDomain = try scanner.component("routing_domain")
            guard scanner.isAtEnd else { throw QueueNameError(code: .quoting, component: "routing_domain") }
        case _?: throw QueueNameError(code: .quoting, component: "domain")
        }
        try self.init(campaign: campaign, tenant: tenant, domain: domain, routingDomain: routingDomain)
    }

    private static func quoted(_ component: String) -> String {
        guard component.utf8.contains(where: ComponentScanner.isSpecial) else { return component }
        var bytes: [UInt8] = [Byte.quote]
        for byte in component.utf8 {
            if byte == Byte.quote || byte == Byte.backslash { bytes.append(Byte.backslash) }
            bytes.append(byte)
        }
        bytes.append(Byte.quote)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Takes a quoted queue name apart. *Value*.
private struct ComponentScanner {
    var rest: Substring.UTF8View
    private var consumed: Substring.UTF8View?

    init(rest: Substring.UTF8View) { self.rest = rest }

    var isAtEnd: Bool { rest.isEmpty }

    /// What a component may hold only in quotes.
    static func isSpecial(_ byte: UInt8) -> Bool {
        switch byte {
        case Byte.colon, Byte.at, Byte.bang, Byte.quote, Byte.backslash: true
        default: false
        }
    }

    /// The next byte, consumed; nil at the end.
    mutating func next() -> UInt8? {
        consumed = rest
        return rest.popFirst()
    }

    /// Takes back what `next` gave.
    mutating func putBack(_ byte: UInt8?) {
        if byte != nil, let consumed { rest = consumed }
    }

    /// A component in quotes, or up to the next special byte.
    mutating func component(_ name: String) throws(QueueNameError) -> String {
        guard rest.first == Byte.quote else {
            let bare = rest.prefix { !Self.isSpecial($0) }
            rest = rest[bare.endIndex...]
            return String(Substring(bare))
        }
        rest.removeFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case Byte.quote: return String(decoding: bytes, as: UTF8.self)
            case Byte.backslash:
                guard let escaped = rest.popFirst(), escaped == Byte.quote || escaped == Byte.backslash else {
                    throw QueueNameError(code: .quoting, component: name)
                }
                bytes.append(escaped)
            default: bytes.append(byte)
            }
        }
        throw QueueNameError(code: .quoting, component: name)
    }
}

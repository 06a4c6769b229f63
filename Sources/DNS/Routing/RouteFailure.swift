/// Why mail for a domain has no route now. *Value.* The text is one sentence for the log.
package enum RouteFailure: Error, Sendable, Hashable {
    /// The domain says it takes no mail (RFC 7505): 556 5.1.10.
    case nullMX
    /// The name does not exist, or has neither MX nor address records.
    case noSuchDomain(String)
    /// The DNS did not answer, or not credibly: try again.
    case temporary(String)
    /// Not a domain name or address literal.
    case invalidDomain(String)

    /// The failure in words.
    package var text: String {
        switch self {
        case .nullMX: "the domain has a null MX: it accepts no mail"
        case .noSuchDomain(let text), .temporary(let text), .invalidDomain(let text): text
        }
    }
}

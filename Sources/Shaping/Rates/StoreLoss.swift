package import Options

/// What becomes of a limit that the nodes of a cluster share, when the store is away for longer than the node's share is leased. *Value.*
///
///     share   closed   local   floor:10/min
package indirect enum StoreLoss: Sendable, Hashable {
    /// Go on at the last share of the limit.
    case share
    /// Let nothing through until the store is back.
    case closed
    /// Count the whole limit on this node alone: all nodes together may exceed it.
    case local
    /// Let this much through on each node.
    case floor(ThrottleSpec)

    /// Reads the written form.
    package init(parsing text: String) throws(ConfigError) {
        guard text.utf8.count <= TextCheck.longestScalar else { throw Self.refusal(text, "it is too long") }
        var scanner = TextScanner(text)
        scanner.skipSpaces()
        switch Self.read(&scanner) {
        case .success(let loss): self = loss
        case .failure(let reason): throw Self.refusal(text, reason.text)
        }
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw Self.refusal(text, "'\(TextCheck.shortened(scanner.rest))' is left over") }
    }

    /// The written form; reads back as the same.
    package var text: String {
        switch self {
        case .share: "share"
        case .closed: "closed"
        case .local: "local"
        case .floor(let spec): "floor:\(spec.bareText)"
        }
    }

    /// What is accepted, for error texts.
    static let accepted = "share, closed, local or floor:N/[k]PERIOD"

    /// Reads one of the forms where the scanner stands.
    static func read(_ scanner: inout TextScanner) -> Result<StoreLoss, RateReason> {
        switch scanner.takeLetters() {
        case "share": return .success(.share)
        case "closed": return .success(.closed)
        case "local": return .success(.local)
        case "floor":
            scanner.skipSpaces()
            guard scanner.take(":") else { return .failure(RateReason("':' and a rate must follow 'floor'")) }
            scanner.skipSpaces()
            return ThrottleSpec.readBare(&scanner).map { .floor(ThrottleSpec(limit: $0.limit, periodNanoseconds: $0.period)) }
        case "": return .failure(RateReason("what to do is missing (\(accepted))"))
        case let name:
            let nearest = NearestName.suggestion(for: name, among: ["share", "closed", "local", "floor"])
            let hint = nearest.map { "; did you mean '\($0)'?" } ?? ""
            return .failure(RateReason("'\(TextCheck.shortened(name))' is unknown\(hint)"))
        }
    }

    private static func refusal(_ text: String, _ reason: String) -> ConfigError {
        ConfigError(
            message: "'\(TextCheck.shortened(text))' does not say what to do without the store: \(reason); accepted: \(accepted), "
                + "such as 'closed' or 'floor:10/min'")
    }
}

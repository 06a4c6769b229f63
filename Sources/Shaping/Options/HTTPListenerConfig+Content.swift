package import Options

extension HTTPListenerConfig {
    /// What the raw content of an injection must be like: what SMTP listeners ask, under the same names. *Value.*
    package struct Content: OptionTable, Hashable {
        /// What to do with a bare CR or LF. Made CRLF unless the policy says otherwise: a text in JSON has the line ends of its writer's
        /// language.
        package var invalidLineEndings = ESMTPListenerConfig.InvalidLineEndings.fix
        /// The longest line, in bytes without its end.
        package var lineLengthHardLimit = 998
        /// Most `Received` fields of a message; one with more is in a mail loop.
        package var maxReceivedHeaders = 100
        /// What to do with `Bcc` and `Resent-Bcc`.
        package var bcc = Bcc.remove

        /// What to do with the blind copies that raw content names. *Value.*
        package enum Bcc: String, Sendable, Hashable, CaseIterable {
            /// Take the fields out.
            case remove = "Remove"
            /// Refuse the request.
            case refuse = "Refuse"
        }

        /// The rules of a listener that says nothing about them.
        package init() {}

        /// The options that say the same.
        package var table: [String: ConfigValue] {
            [
                "invalid_line_endings": .string(invalidLineEndings.rawValue),
                "line_length_hard_limit": .integer(Int64(lineLengthHardLimit)),
                "max_received_headers": .integer(Int64(maxReceivedHeaders)), "raw_bcc": .string(bcc.rawValue),
            ]
        }

        /// The names of these options.
        package static let options = OptionList<Content>("http listener") {
            OptionRow(
                "line_length_hard_limit", \.lineLengthHardLimit, .bytes(64...(64 << 20)),
                "of raw content, as [SMTP listeners](smtp-server.md) have it; then 400 with the reply that SMTP gives")
            OptionRow(
                "invalid_line_endings", \.invalidLineEndings, .choice,
                "the same for a bare CR or LF in raw content: made CRLF, since a JSON text has the line ends of its language")
            OptionRow(
                "max_received_headers", \.maxReceivedHeaders, .int(1...1_000_000),
                "`Received` fields of a message; then 400 with `554 5.4.6`")
            OptionRow(
                "raw_bcc", \.bcc, .choice, "`Bcc` and `Resent-Bcc` in raw content: taken out, or refused with 400")
        }
    }
}

extension HTTPListenerConfig {
    /// What the raw content of an injection must be like: what SMTP listeners ask, under the same names. *Value.*
    package struct Content: Sendable, Hashable {
        /// What to do with a bare CR or LF. Made CRLF unless the policy says otherwise: a text in JSON has the line ends of its writer's
        /// language.
        package let invalidLineEndings: ESMTPListenerConfig.InvalidLineEndings
        /// The longest line, in bytes without its end.
        package let lineLengthHardLimit: Int
        /// Most `Received` fields of a message; one with more is in a mail loop.
        package let maxReceivedHeaders: Int
        /// What to do with `Bcc` and `Resent-Bcc`.
        package let bcc: Bcc

        /// What to do with the blind copies that raw content names. *Value.*
        package enum Bcc: String, Sendable, Hashable, CaseIterable {
            /// Take the fields out.
            case remove = "Remove"
            /// Refuse the request.
            case refuse = "Refuse"
        }

        /// The rules of a listener that says nothing about them.
        package static let defaults: Content = {
            do throws(ConfigError) { return try Content(OptionReader([:], HTTPListenerConfig.options)) } catch {
                preconditionFailure(error.message)
            }
        }()

        init(_ read: OptionReader) throws(ConfigError) {
            invalidLineEndings = try read.choice("invalid_line_endings", .fix)
            lineLengthHardLimit = try read.byteCount("line_length_hard_limit", 998, in: 64...(64 << 20))
            maxReceivedHeaders = try read.int("max_received_headers", 100, in: 1...1_000_000)
            bcc = try read.choice("raw_bcc", .remove)
        }

        /// The options that say the same.
        package var table: [String: ConfigValue] {
            [
                "invalid_line_endings": .string(invalidLineEndings.rawValue),
                "line_length_hard_limit": .integer(Int64(lineLengthHardLimit)),
                "max_received_headers": .integer(Int64(maxReceivedHeaders)), "raw_bcc": .string(bcc.rawValue),
            ]
        }
    }
}

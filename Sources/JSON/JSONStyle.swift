/// How values are spelled. Each format keeps the spelling it has always had, byte by byte. *Value.*
package struct JSONStyle: Sendable, Equatable {
    /// Whether backspace and form feed are `\b` and `\f`; else they are `\u0008` and `\u000c`.
    var hasShortControls: Bool
    /// Whether DEL is `\u007f`.
    var escapesDelete = false
    /// Whether a slash is `\/`.
    var escapesSlash = false
    /// Whether a `Double` without a fraction is `1.0`; else it is `1`.
    var keepsPoint: Bool

    /// Log records, orders and members of the cluster.
    package static let record = JSONStyle(hasShortControls: true, escapesDelete: true, keepsPoint: true)
    /// Values of the policy and metadata.
    package static let policy = JSONStyle(hasShortControls: false, keepsPoint: true)
    /// The HTTP API.
    package static let api = JSONStyle(hasShortControls: true, keepsPoint: false)
    /// `apus spool check`, whose file names have their slashes escaped.
    package static let escapedSlashes = JSONStyle(hasShortControls: true, escapesSlash: true, keepsPoint: false)
}

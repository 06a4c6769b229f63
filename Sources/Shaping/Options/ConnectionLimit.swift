import Options

/// A connection limit as written: a number, or `local:N`. *Value.*
package struct ConnectionLimit: Sendable, Hashable {
    /// How many.
    package let count: Int
    /// Whether it counts on this node only.
    package let isLocal: Bool

    /// A limit from its parts.
    package init(_ count: Int, isLocal: Bool = false) {
        self.count = count
        self.isLocal = isLocal
    }

    /// The written form; reads back as the same.
    package var text: String { isLocal ? "'local:\(count)'" : WholeNumberText.grouped(count) }

    /// Reads a number or a text; nil when it is none, or not from 1 to `most`.
    init?(_ value: ConfigValue) {
        var isLocal = false
        var count = value.integerValue.flatMap { Int(exactly: $0) }
        if let text = value.stringValue, text.utf8.count <= TextCheck.longestScalar {
            var scanner = TextScanner(text)
            isLocal = scanner.take("local:")
            count = scanner.takeCount()
            if !scanner.isAtEnd { count = nil }
        }
        guard let count, (1...Self.most).contains(count) else { return nil }
        self.init(count, isLocal: isLocal)
    }

    static let most = 1_000_000
}

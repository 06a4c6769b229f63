/// Why a certificate, a key or a setting cannot be used. *Value.* The text says what is wrong, where, and the remedy; it never holds a key.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence for people.
    package let message: String

    init(_ message: String) { self.message = message }

    /// The sentence.
    package var description: String { message }
}

/// Why a text is not a rate, to be put into a sentence. *Value.*
struct RateReason: Error {
    /// The clause.
    let text: String
    /// A clause.
    init(_ text: String) { self.text = text }
}

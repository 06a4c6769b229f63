/// Counts the memory that sessions hold for their clients, and says when it runs short. *Shared.*
package protocol ServerBudget: AnyObject, Sendable {
    /// Bytes were taken, or given back when negative.
    func change(by bytes: Int)
    /// Content should be streamed to the delegate as soon as its header is complete.
    var isTight: Bool { get }
    /// Content must be refused.
    var isExhausted: Bool { get }
}

/// *Shared*: tells one waiter that something may have changed. Rings that nobody has heard yet count as one.
package final class Doorbell: Sendable {
    /// One element per ring that was heard. For one waiter.
    package let rings: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    /// A bell that has not rung.
    package init() { (rings, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

    /// Rings; from any thread.
    package func ring() { continuation.yield() }
}

package import Platform

/// *Value*: one deferred message of a `DueHeap`, in sixteen bytes.
///
/// Times are kept relative to a moment of this process: due times in milliseconds, rounded down, so that what is due is not late; times of
/// reception in seconds, rounded up, so that no message expires too early.
package struct DueEntry: Sendable, Equatable {
    /// Due time in milliseconds, and the attempts so far in the lower sixteen bits, where they do not disturb the order.
    private var key: Int64
    /// The spool's handle of the message.
    package let handle: UInt32
    private let receivedSeconds: Int32

    private static let origin = MonotonicInstant.now()
    /// Due times are within 2,000 years of the origin; 47 bits would do for twice that.
    private static let farthest: Int64 = 2000 * 366 * 86_400 * 1000

    /// The entry of a message. Times beyond 2,000 years are clamped, attempts to 65,535.
    package init(due: MonotonicInstant, handle: UInt32, received: MonotonicInstant, attempts: Int = 0) {
        key = Self.key(due) << 16 | Int64(min(max(attempts, 0), 0xffff))
        self.handle = handle
        let age = received.nanoseconds(since: Self.origin)
        let (seconds, rest) = age.quotientAndRemainder(dividingBy: 1_000_000_000)
        receivedSeconds = Int32(clamping: rest > 0 ? seconds + 1 : seconds)
    }

    private static func key(_ due: MonotonicInstant) -> Int64 {
        if due == .distantFuture { return farthest }
        let (milliseconds, rest) = due.nanoseconds(since: origin).quotientAndRemainder(dividingBy: 1_000_000)
        return min(max(rest < 0 ? milliseconds - 1 : milliseconds, -farthest), farthest)
    }

    /// When the message is due.
    package var due: MonotonicInstant {
        get { Self.origin + .milliseconds(key >> 16) }
        set { key = Self.key(newValue) << 16 | key & 0xffff }
    }

    /// When it was received; up to a second later than it was.
    package var received: MonotonicInstant { Self.origin + .seconds(Int64(receivedSeconds)) }
    /// Attempts so far, at most 65,535.
    package var attempts: Int { Int(key & 0xffff) }

    func isBefore(_ other: DueEntry) -> Bool { key < other.key }

    /// How far `received` may be off.
    package static let precision = Duration.seconds(1)
}

import NIOCore

/// Calls once when the earliest of the deadlines it was told of has come. *Loop-confined.*
///
/// A deadline that is met is not taken back: the call comes and finds nothing due, which is cheaper than a timer per command.
final class DeadlineTimer {
    private let eventLoop: any EventLoop
    private var task: Scheduled<Void>?
    private var due = Int64.max
    /// What to call; it may arm again.
    var fire: (() -> Void)?

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Sees to it that the call comes at `time` or before; nanoseconds of the loop's clock.
    func arm(at time: Int64) {
        guard time < due else { return }
        task?.cancel()
        due = time
        task = eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, time)))) { [weak self] in
            guard let self else { return }
            task = nil
            due = .max
            fire?()
        }
    }

    /// Forgets the deadlines, and the call.
    func cancel() {
        task?.cancel()
        task = nil
        due = .max
        fire = nil
    }
}

extension EventLoop {
    /// Monotonic nanoseconds.
    var nanoseconds: Int64 { Int64(clamping: now.uptimeNanoseconds) }
}

extension Duration {
    /// Whole nanoseconds, bounded to about a year: enough for a timeout, and a sum with the clock cannot overflow.
    var timeoutNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < 30_000_000 else { return 30_000_000_000_000_000 }
        return seconds < 0 ? 0 : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

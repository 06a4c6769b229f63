import NIOCore

/// Calls that wait for a server to become usable, each until its deadline. *Loop-confined.*
final class WaitingCalls {
    /// Calls that may wait at once; more fail with `tooLarge`.
    static let maxCount = 1 << 16

    private let eventLoop: any EventLoop
    private let timer: DeadlineTimer
    private var calls: [Call] = []
    /// Told how many calls have waited in vain.
    var onExpiry: ((Int) -> Void)?

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        timer = DeadlineTimer(eventLoop)
        timer.fire = { [weak self] in self?.expire() }
    }

    /// Lets the calls wait.
    func add(_ more: [Call]) {
        for call in more {
            guard calls.count < Self.maxCount else {
                call.finish(.failure(.tooLarge))
                continue
            }
            calls.append(call)
            timer.arm(at: call.deadline)
        }
    }

    /// All that wait; they wait no longer.
    func take() -> [Call] {
        defer { calls = [] }
        return calls
    }

    /// Ends all with this failure.
    func fail(_ failure: RedisFailure) { for call in take() { call.finish(.failure(failure)) } }

    private func expire() {
        let now = eventLoop.nanoseconds
        let expired = calls.filter { $0.deadline <= now }
        calls.removeAll { $0.deadline <= now }
        if let next = calls.map(\.deadline).min() { timer.arm(at: next) }
        guard !expired.isEmpty else { return }
        onExpiry?(expired.count)
        for call in expired { call.finish(.failure(.timeout)) }
    }
}

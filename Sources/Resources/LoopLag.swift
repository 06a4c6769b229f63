package import NIOCore
package import Telemetry

/// *Loop-confined*: measures ten times a second how late the loop runs its timers, and stamps the loop's heartbeat for `/livez`.
package final class LoopLag {
    private let histogram: Histogram
    private let heartbeat: Heartbeat
    private var expected: Int64 = 0

    /// Measures from now on, for as long as the loop turns. On the loop.
    package init(loop: any EventLoop, histogram: Histogram, heartbeat: Heartbeat) {
        self.histogram = histogram
        self.heartbeat = heartbeat
        expected = Clock.monotonic() + Self.period
        let lag = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleRepeatedTask(initialDelay: .nanoseconds(Self.period), delay: .nanoseconds(Self.period)) { _ in lag.value.tick() }
    }

    private static let period: Int64 = 100_000_000

    private func tick() {
        let now = Clock.monotonic()
        histogram.observe(nanoseconds: max(0, now - expected))
        expected = now + Self.period
        heartbeat.stamp(now)
    }
}

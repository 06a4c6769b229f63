import Glibc
package import NIOCore
package import Telemetry

/// *Loop-confined*: stands before the accepting handler of a listener and pauses it while descriptors or memory of the kernel are short, or while
/// the listener has as many connections as it may have.
///
/// Without it `accept` fails at once again and again, and a loop spins. Clients wait in the backlog meanwhile.
///
/// *Diagnostics*: a shortage is logged when it begins and when it is over, and counted.
package final class AcceptGate: ChannelDuplexHandler {
    package typealias InboundIn = any Channel
    package typealias OutboundIn = Never

    /// *Value*: what a gate is told about its listener.
    package struct Plan: Sendable {
        /// The listener, for metrics and the log.
        package let listener: String
        /// Whether another connection may be accepted.
        package let hasRoom: @Sendable () -> Bool
        fileprivate let pauses: Counter

        /// A plan for the listener of that name.
        package init(listener: String, registry: MetricRegistry, hasRoom: @escaping @Sendable () -> Bool) {
            self.listener = listener
            self.hasRoom = hasRoom
            pauses = registry.counter(
                "accept_pauses_total", "Times a listener stopped accepting because descriptors or memory were short.", labels: ["service"]
            ).with(listener)
        }
    }

    private let plan: Plan
    private var isPaused = false
    private var isShort = false
    private var resumption: Scheduled<Void>?
    private var pause = TimeAmount.milliseconds(100)

    private static let longestPause = TimeAmount.seconds(1)
    private static let roomCheck = TimeAmount.milliseconds(20)

    /// A gate for one accepting channel.
    package init(_ plan: Plan) { self.plan = plan }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isShort {
            isShort = false
            pause = .milliseconds(100)
            Log.info("connections are accepted again", ["listener": plan.listener])
        }
        context.fireChannelRead(data)
    }

    package func read(context: ChannelHandlerContext) {
        if isPaused { return }
        if plan.hasRoom() { context.read() } else { rest(context, for: Self.roomCheck) }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let code = (error as? IOError)?.errnoCode else { return context.fireErrorCaught(error) }
        switch code {
        case EMFILE, ENFILE, ENOMEM, ENOBUFS:
            plan.pauses.add(1)
            if !isShort {
                isShort = true
                Log.warn(
                    "no connection can be accepted for now: \(String(cString: strerror(code))); raise the limit of open files (LimitNOFILE, ulimit -n) or lower max_connections",
                    ["listener": plan.listener])
            }
            rest(context, for: pause)
            pause = min(.nanoseconds(pause.nanoseconds * 2), Self.longestPause)
        case ECONNABORTED: break  // the client went away while it waited
        default: context.fireErrorCaught(error)
        }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        resumption?.cancel()
        resumption = nil
    }

    /// Stops reading; `autoRead` must go too, because the channel still has a read pending when `accept` has failed.
    private func rest(_ context: ChannelHandlerContext, for time: TimeAmount) {
        guard !isPaused else { return }
        isPaused = true
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        resume(context.channel, after: time)
    }

    private func resume(_ channel: any Channel, after time: TimeAmount) {
        resumption = channel.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.resumption = nil
            // Turning `autoRead` on reads past this handler.
            guard self.plan.hasRoom() else { return self.resume(channel, after: Self.roomCheck) }
            self.isPaused = false
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

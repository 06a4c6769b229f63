/// How a scheduled queue retries, how long it keeps messages, and where it sends them. *Shared* (immutable).
package final class QueueConfig: Sendable, Equatable {
    /// The base of the retry schedule.
    package let retryInterval: Duration
    /// The longest step of the retry schedule.
    package let maxRetryInterval: Duration?
    /// How old a message may become.
    package let maxAge: Duration
    /// The pool of sources; nil for the unspecified one.
    package let egressPool: String?
    /// How fast messages may leave the queue.
    package let maxMessageRate: ThrottleSpec?
    /// How messages leave the node.
    package let `protocol`: DeliveryProtocol
    /// How long an idle queue is kept in memory.
    package let reapInterval: Duration
    /// How long this configuration holds.
    package let refreshInterval: Duration
    /// A label for metrics and logs.
    package let providerName: String?
    /// The name of the isolation group the message belongs to (short form): its own queue, counters and suspension.
    package let queueName: String?

    /// The configuration of a table without options.
    package static let defaults: QueueConfig = {
        do throws(ConfigError) { return try QueueConfig([:]) } catch { preconditionFailure(error.message) }
    }()

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        let long: ClosedRange<Duration> = .milliseconds(1) ... .seconds(3650 * 86_400)
        retryInterval = try read.duration("retry_interval", .seconds(20 * 60), in: long)
        maxRetryInterval = try read.optionalDuration("max_retry_interval", in: long)
        maxAge = try read.duration("max_age", .seconds(7 * 86_400), in: long)
        egressPool = try read.optionalName("egress_pool")
        maxMessageRate = try read.throttle("max_message_rate")
        `protocol` = try DeliveryProtocol(read.table("protocol", "a table such as { smtp = { mx_list = {'mx.example.com'} } }"))
        reapInterval = try read.duration("reap_interval", .seconds(600))
        refreshInterval = try read.duration("refresh_interval", .seconds(60))
        providerName = try read.optionalName("provider_name")
        queueName = try read.optionalName("queue_name")
    }

    /// The retry schedule.
    package var retrySchedule: RetrySchedule { RetrySchedule(interval: retryInterval, cap: maxRetryInterval) }

    /// Whether two configurations say the same.
    package static func == (a: QueueConfig, b: QueueConfig) -> Bool {
        if a === b { return true }
        guard a.retryInterval == b.retryInterval,
            a.maxRetryInterval == b.maxRetryInterval,
            a.maxAge == b.maxAge,
            a.egressPool == b.egressPool,
            a.maxMessageRate == b.maxMessageRate,
            a.`protocol` == b.`protocol`,
            a.reapInterval == b.reapInterval,
            a.refreshInterval == b.refreshInterval,
            a.providerName == b.providerName,
            a.queueName == b.queueName
        else { return false }
        return true
    }

    /// Every name of the table.
    static let options = OptionSchema(
        owner: "queue",
        rules: [
            "retry_interval": .field,
            "max_retry_interval": .field,
            "max_age": .field,
            "egress_pool": .field,
            "max_message_rate": .field,
            "protocol": .field,
            "strategy": .ignored(.oneOf(["SingletonTimerWheel", "SingletonTimerWheelV2", "TimerWheel", "SkipList"])),
            "timerwheel_tick_interval": .ignored(.duration),
            "reap_interval": .field,
            "refresh_interval": .field,
            "refresh_strategy": .ignored(.oneOf(["Ttl", "Epoch"])),
            "provider_name": .field,
            "shrink_policy": .ignored(.list),
            "queue_name": .field,
        ])
}

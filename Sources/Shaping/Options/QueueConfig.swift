package import Options

/// How a scheduled queue retries, how long it keeps messages, and where it sends them. *Value.*
package struct QueueConfig: OptionTable {
    /// The base of the retry schedule.
    package var retryInterval = Duration.seconds(20 * 60)
    /// The longest step of the retry schedule.
    package var maxRetryInterval: Duration?
    /// How old a message may become.
    package var maxAge = Duration.seconds(7 * 86_400)
    /// The pool of sources; nil for the unspecified one.
    package var egressPool: String?
    /// How fast messages may leave the queue.
    package var maxMessageRate: ThrottleSpec?
    /// How messages leave the node.
    package var `protocol` = DeliveryProtocol()
    /// How long an idle queue is kept in memory.
    package var reapInterval = Duration.seconds(600)
    /// How long this configuration holds.
    package var refreshInterval = Duration.seconds(60)
    /// A label for metrics and logs.
    package var providerName: String?
    /// The name of the isolation group the message belongs to (short form): its own queue, counters and suspension.
    package var queueName: String?

    /// The defaults.
    package init() {}

    /// The retry schedule.
    package var retrySchedule: RetrySchedule { RetrySchedule(interval: retryInterval, cap: maxRetryInterval) }

    /// Every name of the table.
    package static let options = OptionList<QueueConfig>("queue") {
        let long = OptionKind<Duration>.duration(.milliseconds(1) ... .seconds(3650 * 86_400)).showing("duration")
        OptionRow("retry_interval", \.retryInterval, long, "wait after the first temporary failure; doubles with each")
        OptionRow("max_retry_interval", \.maxRetryInterval, long, "longest wait")
        OptionRow("max_age", \.maxAge, long, "older messages expire")
        OptionRow("egress_pool", \.egressPool, .name, none: "`unspecified`", "which [sources](egress.md) send")
        OptionRow("max_message_rate", \.maxMessageRate, .rate, "how fast messages leave this queue ([limits](limits.md))")
        OptionRow(
            "protocol", \.protocol, .table(like: "{ smtp = { mx_list = {'mx.example.com'} } }"),
            "`{ smtp = { mx_list = { 'host:port', … } } }` delivers there instead of to the domain's MX hosts")
        OptionRow.ignored("strategy", .oneOf(["SingletonTimerWheel", "SingletonTimerWheelV2", "TimerWheel", "SkipList"]))
        OptionRow.ignored("timerwheel_tick_interval", .duration)
        OptionRow("reap_interval", \.reapInterval, .duration, "how long an empty queue is kept in memory")
        OptionRow("refresh_interval", \.refreshInterval, .duration, "after which the policy is asked again")
        OptionRow.ignored("refresh_strategy", .oneOf(["Ttl", "Epoch"]))
        OptionRow("provider_name", \.providerName, .name, "a label for metrics; the path's goes first")
        OptionRow.ignored("shrink_policy", .list)
        OptionRow(
            "queue_name", \.queueName, .name,
            "name of an isolation group: the messages move to a queue of their own with this name as the tenant")
    }
}

package import Telemetry

/// *Shared*: the metrics of the mail path, as handles: counting costs one atomic addition, no look-up.
package final class NodeMetrics: Sendable {
    /// Messages taken over SMTP.
    package let received: Counter
    /// Messages taken over HTTP.
    package let receivedHTTP: Counter
    private let deliveredAll: Counter
    private let transientAll: Counter
    private let failedAll: Counter
    private let deliveredBy: CounterFamily
    private let transientBy: CounterFamily
    private let failedBy: CounterFamily
    /// Recipients that ran out of time.
    package let expired: Counter
    /// Attempts that broke when the content was sent and not answered.
    package let ambiguous: Counter
    /// Negative replies to clients.
    package let rejections: Counter
    /// SMTP sessions that are open.
    package let inboundConnections: Gauge
    /// SMTP sessions so far.
    package let inboundTotal: Counter
    /// SMTP sessions that were refused.
    package let inboundDenied: Counter
    /// Inbound sessions that were encrypted.
    package let inboundEncrypted: Counter
    /// Inbound sessions that could not be encrypted.
    package let inboundEncryptionFailed: Counter
    private let outboundConnections: Gauge
    private let outboundTotal: Counter
    /// Connections for which no host could be reached.
    package let connectionFailures: Counter
    /// Messages in ready queues.
    package let readyCount: Gauge
    /// Times a queue found every ready queue full.
    package let readyFull: Counter
    /// Messages in scheduled queues.
    package let scheduledCount: Gauge
    /// Messages the node is responsible for.
    package let messageCount: Gauge
    /// Times a queue waited for its own rate.
    package let delayedByRate: Counter
    private let timeInQueueBy: HistogramFamily
    private let timeInQueueUnnamed: Histogram
    /// How late event loops run their timers.
    package let loopLag: HistogramFamily
    /// Outcomes that wait for their handler.
    package let eventBacklog: Gauge
    /// Outcomes whose handler was not called.
    package let eventsDropped: Counter
    /// Handlers that failed.
    package let eventFailures: Counter
    /// Connections closed because their lease had ended.
    package let leasesLost: Counter

    /// Registers the metrics.
    package init(_ registry: MetricRegistry) {
        let messages = registry.counter("total_messages_received", "Messages accepted for delivery.", labels: ["service"])
        received = messages.with("esmtp_listener")
        receivedHTTP = messages.with("http_listener")
        deliveredAll = registry.counter("total_messages_delivered", "Recipients delivered.", labels: ["service"]).with("smtp_client")
        transientAll = registry.counter("total_messages_transfail", "Attempts that ended in a transient failure.", labels: ["service"])
            .with("smtp_client")
        failedAll = registry.counter("total_messages_fail", "Recipients that bounced or expired.", labels: ["service"]).with("smtp_client")
        deliveredBy = registry.counter("total_messages_delivered_by_provider", "Recipients delivered, by provider.", labels: ["provider"])
        transientBy = registry.counter("total_messages_transfail_by_provider", "Transient failures, by provider.", labels: ["provider"])
        failedBy = registry.counter("total_messages_fail_by_provider", "Bounced or expired recipients, by provider.", labels: ["provider"])
        expired = registry.counter("total_messages_expired", "Recipients that ran out of time.").with()
        ambiguous = registry.counter("ambiguous_deliveries_total", "Attempts that broke after the final dot: a repeat may duplicate.")
            .with()
        rejections = registry.counter("smtp_server_rejections", "Negative replies to clients.", labels: ["service"]).with("esmtp_listener")
        let connections = registry.gauge("connection_count", "Open connections.", labels: ["service"])
        inboundConnections = connections.with("esmtp_listener")
        outboundConnections = connections.with("smtp_client")
        let opened = registry.counter("total_connection_count", "Connections opened.", labels: ["service"])
        inboundTotal = opened.with("esmtp_listener")
        outboundTotal = opened.with("smtp_client")
        inboundDenied = registry.counter("total_connections_denied", "Connections refused because of a limit.", labels: ["service"]).with(
            "esmtp_listener")
        let handshakes = registry.counter("tls_handshakes_total", "TLS handshakes, by how they ended.", labels: ["service", "result"])
        inboundEncrypted = handshakes.with("esmtp_listener", "ok")
        inboundEncryptionFailed = handshakes.with("esmtp_listener", "failed")
        connectionFailures = registry.counter("smtp_client_connection_failures_total", "Connections for which no host could be reached.")
            .with()
        readyCount = registry.gauge("ready_count", "Messages in ready queues.", labels: ["service"]).with("smtp_client")
        readyFull = registry.counter("ready_full", "Times a queue found every ready queue full.", labels: ["service"]).with("smtp_client")
        scheduledCount = registry.gauge("scheduled_count_total", "Messages in scheduled queues.").with()
        messageCount = registry.gauge("message_count", "Messages this node is responsible for.").with()
        delayedByRate = registry.counter(
            "delayed_due_to_message_rate_throttle", "Times a scheduled queue waited for its own max_message_rate."
        ).with()
        timeInQueueBy = registry.histogram(
            "time_in_queue_seconds", "Time from reception to delivery, by provider.", labels: ["provider"],
            buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 3600, 21600, 86400], maxSeries: 50)
        timeInQueueUnnamed = timeInQueueBy.with("")
        loopLag = registry.histogram(
            "event_loop_lag_seconds", "How late an event loop runs its timers.", labels: ["loop"],
            buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5], maxSeries: 256)
        eventBacklog = registry.gauge("delivery_complete_backlog", "Outcomes that wait for the delivery_complete handler.").with()
        eventsDropped = registry.counter(
            "delivery_complete_dropped_total", "Outcomes whose delivery_complete call was dropped: the backlog was full."
        ).with()
        leasesLost = registry.counter(
            "limit_lease_lost_total", "Connections closed because the lease of their permit had ended."
        ).with()
        eventFailures = registry.counter("delivery_complete_failures_total", "delivery_complete calls that ended in an error.").with()
    }

    /// Counts a recipient that was delivered.
    package func delivered(provider: String?) {
        deliveredAll.add(1)
        if let provider { deliveredBy.with(provider).add(1) }
    }

    /// Counts a transient failure.
    package func transient(provider: String?) {
        transientAll.add(1)
        if let provider { transientBy.with(provider).add(1) }
    }

    /// Counts a recipient that bounced or expired.
    package func failed(provider: String?) {
        failedAll.add(1)
        if let provider { failedBy.with(provider).add(1) }
    }

    /// Notes how long a message took, from reception to delivery.
    package func timeInQueue(provider: String?, _ time: Duration) {
        let histogram = provider.map { timeInQueueBy.with($0) } ?? timeInQueueUnnamed
        histogram.observe(nanoseconds: time.wholeNanoseconds)
    }

    /// Counts a connection to another server.
    package func connectionOpened() {
        outboundConnections.add(1)
        outboundTotal.add(1)
    }

    /// Connections open now, inbound and outbound.
    package var openConnections: Int { inboundConnections.value + outboundConnections.value }

    /// One of them is closed.
    package func connectionClosed() { outboundConnections.add(-1) }
}

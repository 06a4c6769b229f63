package import Options

/// What every table of options says of itself. *Value* (a namespace).
package enum OptionManuals {
    /// All tables that a policy may write, in the order in which a policy meets them.
    package static let all: [OptionManual] = [
        OptionManual(ESMTPListenerConfig.self, of: "kumo.start_esmtp_listener"),
        OptionManual(ESMTPListenerConfig.TraceHeaders.self, of: "kumo.start_esmtp_listener { trace_headers = … }"),
        OptionManual(HTTPListenerConfig.self, of: "kumo.start_http_listener"),
        OptionManual(SpoolConfig.self, of: "kumo.define_spool"),
        OptionManual(LocalLogsConfig.self, of: "kumo.configure_local_logs"),
        OptionManual(LocalLogsConfig.PerRecord.self, of: "kumo.configure_local_logs { per_record = { TYPE = … } }"),
        OptionManual(
            RedisThrottleConfig.ownOptions, RedisThrottleConfig(), of: "kumo.configure_redis_throttles, besides those of redis.open"),
        OptionManual(RedisServerConfig.self, of: "redis.open"),
        OptionManual(QueueConfig.self, of: "kumo.make_queue_config"),
        OptionManual(DeliveryProtocol.self, of: "kumo.make_queue_config { protocol = … }"),
        OptionManual(DeliveryProtocol.SMTP.self, of: "kumo.make_queue_config { protocol = { smtp = … } }"),
        OptionManual(EgressPoolConfig.self, of: "kumo.make_egress_pool"),
        OptionManual(EgressSourceConfig.self, of: "kumo.make_egress_source"),
        OptionManual(EgressPathConfig.self, of: "kumo.make_egress_path"),
        AdminAction.manual(.suspend, of: "kumo.api.admin.suspend.suspend"),
        AdminAction.manual(.suspendReadyQueue, of: "kumo.api.admin.suspend_ready_q.suspend"),
        AdminAction.manual(.bounce, of: "kumo.api.admin.bounce.bounce"),
    ]

    /// The table of that name, as `OptionManual.name` has it.
    package static func named(_ name: String) -> OptionManual? { all.first { $0.name == name } }
}

import Testing

@testable import Options
@testable import Shaping

/// One option table of the compatible API with everything a test needs to try each name of it. *Value.*
struct TableSample: Sendable, CustomTestStringConvertible {
    /// The constructor's name.
    let title: String
    /// What this version knows.
    let schema: OptionSchema
    /// The required options, with values.
    let required: [String: ConfigValue]
    /// Each name that has a field, with a value that is not its default.
    let fields: [String: ConfigValue]
    /// Each name without a field whose values make no difference, with one.
    let ignored: [String: ConfigValue]
    /// Each name that is not supported, with a value that is refused.
    let unsupported: [String: ConfigValue]
    /// Values of unsupported names that are their documented default.
    let harmless: [String: ConfigValue]
    /// Whether two tables make equal configurations; throws what the configuration throws.
    let isEqual: @Sendable ([String: ConfigValue], [String: ConfigValue]) throws -> Bool

    var testDescription: String { title }

    /// All names.
    var names: Set<String> { Set(fields.keys).union(ignored.keys).union(unsupported.keys).union(required.keys) }

    static let all = [path, queue, source, pool, esmtpListener, httpListener, spool, localLogs, redis, redisThrottles]

    static let path = TableSample(
        title: "make_egress_path", schema: EgressPathConfig.options.schema, required: [:],
        fields: [
            "connection_limit": 5, "additional_connection_limits": ["shared": 100], "max_connection_rate": "100/minute",
            "max_message_rate": "1000/minute", "additional_message_rate_throttles": ["daily": "1000000/day"], "max_ready": 10,
            "max_deliveries_per_connection": 100, "max_recipients_per_batch": 1, "consecutive_connection_failures_before_delay": 5,
            "connect_timeout": "5s", "banner_timeout": "5s", "ehlo_timeout": "5s", "mail_from_timeout": "5s", "rcpt_to_timeout": "5s",
            "data_timeout": "30s", "data_dot_timeout": "60s", "rset_timeout": "1s", "idle_timeout": "60s", "system_shutdown_timeout": "30s",
            "smtp_port": 2525, "ehlo_domain": "mail.example.com", "enable_tls": "Disabled", "starttls_timeout": "7s",
            "opportunistic_tls_reconnect_on_failed_handshake": true, "remember_broken_tls": "3 days", "enable_pipelining": false,
            "enable_rset": false,
            "prohibited_hosts": [], "skip_hosts": ["::/0"], "ip_lookup_strategy": "Ipv4Only", "reconnect_strategy": "TerminateSession",
            "try_next_host_on_transport_error": true, "use_lmtp": true, "allow_delivery_to_self": true, "ignore_8bit_checks": true,
            "provider_name": "google", "refresh_interval": "5m",
        ],
        ignored: [
            "auth_timeout": "7s", "enable_mta_sts": false, "tls_prefer_openssl": true,
            "aggressive_connection_opening": true,
            "dispatcher_wakeup_strategy": "Relaxed", "maintainer_wakeup_strategy": "Relaxed", "dispatcher_progress_watchdog_timeout": "1m",
            "readyq_pool_name": "p", "low_memory_reduction_policy": "NoShrink", "no_memory_reduction_policy": "ShrinkData",
            "refresh_strategy": "Epoch",
        ],
        unsupported: [
            "source_selection_rate": "2000/day", "additional_source_selection_rates": ["a": "1/s"], "enable_dane": true,
            "tls_certificate": "/a", "tls_private_key": ["key_data": "SECRET"], "openssl_cipher_list": "a", "openssl_cipher_suites": "a",
            "openssl_options": "a", "rustls_cipher_suites": ["a"], "smtp_auth_plain_username": "SECRET",
            "smtp_auth_plain_password": "SECRET",
            "allow_smtp_auth_plain_without_tls": true, "allow_smtp_auth_plain_without_valid_certificate": true,
        ],
        harmless: [
            "additional_source_selection_rates": [:], "enable_dane": false, "rustls_cipher_suites": [],
            "allow_smtp_auth_plain_without_tls": false, "allow_smtp_auth_plain_without_valid_certificate": false,
            "source_selection_rate": nil, "tls_certificate": nil, "enable_mta_sts": true,
        ],
        isEqual: { try EgressPathConfig($0) == EgressPathConfig($1) })

    static let queue = TableSample(
        title: "make_queue_config", schema: QueueConfig.options.schema, required: [:],
        fields: [
            "retry_interval": "1m", "max_retry_interval": "1h", "max_age": "1d", "egress_pool": "p", "max_message_rate": "10/s",
            "protocol": ["smtp": ["mx_list": ["mx.example.com"]]], "reap_interval": "1m", "refresh_interval": "5m", "provider_name": "x",
            "queue_name": "vip",
        ],
        ignored: [
            "strategy": "SkipList", "timerwheel_tick_interval": "3s", "refresh_strategy": "Epoch",
            "shrink_policy": [["interval": "1m", "policy": "ShrinkData"]],
        ],
        unsupported: [:], harmless: ["protocol": ["smtp": [:]]],
        isEqual: { try QueueConfig($0) == QueueConfig($1) })

    static let source = TableSample(
        title: "make_egress_source", schema: EgressSourceConfig.options.schema, required: ["name": "ip-1"],
        fields: ["name": "ip-2", "source_address": "192.0.2.1", "ehlo_domain": "m.example.com", "remote_port": 2525, "ttl": "5m"],
        ignored: [:],
        unsupported: [
            "ha_proxy_server": "a:1", "ha_proxy_source_address": "192.0.2.1", "socks5_proxy_server": "a:1",
            "socks5_proxy_source_address": "192.0.2.1", "socks5_proxy_username": "SECRET", "socks5_proxy_password": "SECRET",
            "suspend_when_unplumbed": ["trigger": "Immediate", "duration": "5m"],
            "suspend_when_proxy_unhealthy": ["trigger": "Immediate", "duration": "5m"],
        ],
        harmless: ["ha_proxy_server": nil, "suspend_when_unplumbed": nil],
        isEqual: { try EgressSourceConfig($0) == EgressSourceConfig($1) })

    static let pool = TableSample(
        title: "make_egress_pool", schema: EgressPoolConfig.options.schema, required: ["name": "p", "entries": [["name": "ip-1"]]],
        fields: ["name": "q", "entries": [["name": "ip-1", "weight": 2]], "ttl": "5m"],
        ignored: [:], unsupported: [:], harmless: [:],
        isEqual: { try EgressPoolConfig($0) == EgressPoolConfig($1) })

    static let esmtpListener = TableSample(
        title: "start_esmtp_listener", schema: ESMTPListenerConfig.options.schema, required: ["listen": "0.0.0.0:25"],
        fields: [
            "listen": "[::]:2525", "hostname": "mx.example.com", "banner": "hello", "relay_hosts": ["10.0.0.0/8"],
            "trace_headers": ["received_header": false], "client_timeout": "5m", "data_processing_timeout": "1m",
            "max_message_size": "50 MiB",
            "max_messages_per_connection": 100, "max_recipients_per_message": 10, "max_connections": 10, "data_buffer_size": 65536,
            "invalid_line_endings": "Fix", "line_length_hard_limit": 2000, "max_received_headers": 50, "batch_handling": "BatchByDomain",
            "deferred_spool": true,
            "tls_required_client_ca": "/ca.pem", "use_tls": true, "meta": ["tenant": "a"],
        ],
        ignored: [:],
        unsupported: [
            "tls_certificate": ["vault_path": "SECRET"], "tls_private_key": ["event_name": "SECRET"], "deferred_queue": true,
            "allow_xclient": true, "require_proxy_protocol": true, "peer": ["10.0.0.0/8": ["banner": "x"]],
            "via": ["10.0.0.0/8": ["banner": "x"]],
        ],
        harmless: [
            "deferred_queue": false, "allow_xclient": false, "require_proxy_protocol": false, "peer": [:], "via": [],
            "tls_certificate": nil,
        ],
        isEqual: { try ESMTPListenerConfig($0) == ESMTPListenerConfig($1) })

    static let httpListener = TableSample(
        title: "start_http_listener", schema: HTTPListenerConfig.options.schema, required: ["listen": "127.0.0.1:8000"],
        fields: [
            "listen": "0.0.0.0:8000", "hostname": "a.example.com", "trusted_hosts": [], "trusted_names": ["b.example.com"],
            "max_connections": 7, "request_body_limit": "10 MiB",
            "invalid_line_endings": "Deny", "line_length_hard_limit": 2000, "max_received_headers": 50, "raw_bcc": "Refuse",
        ],
        ignored: [:], unsupported: ["use_tls": true, "tls_certificate": "/a", "tls_private_key": "/a"], harmless: ["use_tls": false],
        isEqual: { try HTTPListenerConfig($0) == HTTPListenerConfig($1) })

    static let spool = TableSample(
        title: "define_spool", schema: SpoolConfig.options.schema, required: ["name": "data", "path": "/var/spool/apus/data"],
        fields: [
            "name": "meta", "path": "/elsewhere", "kind": "RocksDB", "flush": true, "min_free_space": "5%", "min_free_inodes": 1000,
            "rocks_params": ["increase_parallelism": 4],
        ],
        ignored: [:], unsupported: [:], harmless: [:],
        isEqual: { try SpoolConfig($0) == SpoolConfig($1) })

    private static let redisFields: [String: ConfigValue] = [
        "node": ["redis://a", "redis://b"], "cluster": true, "username": "SECRET", "password": "SECRET", "pool_size": 3,
        "connect_timeout": "3s", "wait_timeout": "3s", "response_timeout": "3s", "recycle_timeout": "3s", "read_from_replicas": true,
    ]

    static let redis = TableSample(
        title: "redis.open", schema: RedisServerConfig.options.schema, required: ["node": "redis://127.0.0.1"], fields: redisFields,
        ignored: [:],
        unsupported: [:], harmless: [:],
        isEqual: { try RedisServerConfig($0) == RedisServerConfig($1) })

    static let redisThrottles = TableSample(
        title: "configure_redis_throttles", schema: RedisThrottleConfig.options.schema, required: ["node": "redis://127.0.0.1"],
        fields: redisFields.merging(
            [
                "prefix": "mta.eu-1", "on_store_loss": "floor:10/min", "share_ttl": "5m", "permit_ttl": "30s", "crash_hold": "10s",
                "quantum": "10s", "quantum_messages": 10, "zone": "eu-1a", "advertise": "10.0.0.7:8000", "horizon": "2s",
                "buckets": 8, "start_without_store": true, "refused_means_down": true,
                "cluster_secret": "0123456789abcdef0123456789abcdef", "cluster_secret_file": "/etc/apus/cluster-secret",
                "previous_cluster_secret": "fedcba9876543210", "unsigned_orders": "accept",
            ], uniquingKeysWith: { $1 }),
        ignored: [:], unsupported: [:], harmless: [:],
        isEqual: { try RedisThrottleConfig($0) == RedisThrottleConfig($1) })

    static let localLogs = TableSample(
        title: "configure_local_logs", schema: LocalLogsConfig.options.schema, required: ["log_dir": "/var/log/apus"],
        fields: [
            "log_dir": "/elsewhere", "max_file_size": 1_000_000, "max_segment_duration": "1m", "compression_level": 9, "back_pressure": 10,
            "meta": ["tenant", "x_*"], "headers": ["Subject"], "per_record": ["Rejection": ["enable": false]], "min_free_space": "1 GiB",
            "min_free_inodes": "5%",
        ],
        ignored: [:], unsupported: ["filter_event": "x"], harmless: ["filter_event": nil],
        isEqual: { try LocalLogsConfig($0) == LocalLogsConfig($1) })
}

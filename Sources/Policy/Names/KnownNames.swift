/// *value*: names of the reference API that this version does not offer, so that their use is a clear error and not a nil.
enum KnownNames {
    /// Per table (`kumo`, `msg`, …): names without support.
    static let unsupported: [String: Set<String>] = [
        "kumo": words(
            """
            configure_log_hook configure_bounce_classifier configure_accounting_db_path configure_log_disposition_hook
            make_listener_domain memoize spawn_task toml_encode toml_encode_pretty toml_load toml_parse make_message
            inject_message generate_rfc3464_message apply_supplemental_trace_header set_config_monitor_globs eval_config_monitor_globs bump_config_epoch
            invoke_get_queue_config invoke_get_egress_path_config invoke_get_egress_source invoke_get_egress_pool compute_queue_config_constraints
            compute_egress_path_config_constraints format_egress_path_config_constraints format_queue_config_toml format_egress_path_config_toml
            set_diagnostic_log_filter set_memory_soft_limit set_memory_hard_limit set_memory_low_thresh get_memory_soft_limit get_memory_hard_limit
            get_memory_low_thresh set_httpinject_recipient_rate_limit suspend_delivery_when_spool_unhealthy glob uncached_glob read_dir
            validation_failed get_event_registrars traceback prometheus_metrics enable_memory_callstack_tracking set_timeq_spawn_reinsertion
            string regex regex_set_map domain_map cidr http dkim spf dmarc aaa xfer shaping secrets amqp kafka nats encode digest crypto uuid
            fs mimepart mpsc counter_series jsonl file_type
            """),
        "kumo.serde": words(
            """
            toml_encode toml_encode_pretty toml_pretty_compact toml_parse toml_load yaml_encode yaml_parse yaml_load
            """),
        "kumo.time": words("now parse_duration parse_rfc2822 parse_rfc3339 from_unix_timestamp with_ymd_hms start_timer"),
        "http": words("put delete request build_client build_url connect_websocket"),
        "message": words(
            """
            set_sender set_recipient set_data increment_num_attempts get_all_named_header_values get_all_headers from_header to_header get_address_header
            prepend_header append_header remove_all_named_headers import_x_headers remove_x_headers import_headers import_scheduling_header set_scheduling
            set_due check_fix_conformance dkim_sign dkim_verify arc_verify arc_seal add_authentication_results append_text_plain append_text_html
            parse_mime parse_rfc3464 parse_rfc5965 save set_force_sync shrink shrink_data
            """),
        "connection": ["auth_info"],
        "kumo.api": ["inject"],
        "kumo.dns": words(
            """
            lookup_mx lookup_addr lookup_ptr lookup_txt ptr_host reverse_ip rbl_lookup configure_resolver configure_unbound_resolver
            define_resolver load_resolv_conf set_mx_timeout set_mx_concurrency_limit set_mta_sts_enabled configure_test_resolver
            configure_test_mta_sts
            """),
    ]

    /// Modules for `require` that this version does not offer.
    static let unsupportedModules = ["sqlite", "tsa", "proxy"]

    /// Events of the reference API that this version does not fire.
    static let unsupportedEvents = words(
        """
        main get_listener_domain smtp_server_get_dynamic_parameters smtp_server_auth_plain smtp_server_data smtp_server_split_transaction
        smtp_server_message_deferred_inject smtp_server_rewrite_response http_server_validate_auth_basic http_server_validate_auth_bearer
        get_acl_definition spool_message_enumerated throttle_insert_ready_queue requeue_message rebind_message smtp_client_rewrite_delivery_status
        should_enqueue_log_record xfer_message_received shutdown_logging tsa_init tsa_load_shaping_data proxy_init proxy_server_auth_rfc1929
        """)

    /// Accepted without effect: knobs of a thread layout this system does not have.
    static let ignored = [
        "set_qmaint_threads", "set_readyq_threads", "set_ready_qmaint_threads", "set_smtpsrv_threads", "set_httpinject_threads",
        "set_spoolin_threads",
        "set_logging_threads", "set_max_lua_context_use_count", "set_max_lua_context_age", "set_max_spare_lua_contexts",
        "set_lruttl_cache_capacity",
        "set_lua_gc_on_put", "spawn_thread_pool",
    ]

    private static func words(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init))
    }
}

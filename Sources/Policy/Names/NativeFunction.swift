import CLuaShim

/// *value*: what Lua can call. The raw value crosses into C as the number of the function.
enum NativeFunction: Int32, CaseIterable {
    case on, startESMTPListener, startHTTPListener, defineSpool, configureLocalLogs, configureRedisThrottles
    case makeQueueConfig, makeEgressPath, makeEgressSource, makeEgressPool
    case reject, disconnect
    case logDebug, logInfo, logWarn, logError
    case sleep, availableParallelism, ignored
    case jsonEncode, jsonEncodePretty, jsonParse, jsonLoad
    case httpGet, httpPost
    case makeThrottle, throttleTake, throttleSleep, throttleExplain, throttleDelay
    case redisOpen, redisQuery
    case adminSuspend, adminSuspendReadyQueue, adminBounce
    case setNegativeTTL
    case messageID, messageSender, messageRecipient, messageRecipientList, messageGetMeta, messageSetMeta, messageQueueName, messageGetData
    case messageNumAttempts, messageFirstHeader
    case connectionGetMeta, connectionSetMeta
    case missingInKumo, missingInSerde, missingInTime, missingInHTTP, missingInMessage, missingInConnection, missingInRedis
    case missingInAPI, missingInAdmin, missingInSuspend, missingInSuspendReadyQueue, missingInBounce, missingInDNS
    case unsupportedModule

    /// Where Lua finds it; the first is its name in error texts.
    var paths: [String] {
        switch self {
        case .on: ["kumo.on"]
        case .startESMTPListener: ["kumo.start_esmtp_listener"]
        case .startHTTPListener: ["kumo.start_http_listener"]
        case .defineSpool: ["kumo.define_spool"]
        case .configureLocalLogs: ["kumo.configure_local_logs"]
        case .configureRedisThrottles: ["kumo.configure_redis_throttles"]
        case .makeQueueConfig: ["kumo.make_queue_config"]
        case .makeEgressPath: ["kumo.make_egress_path"]
        case .makeEgressSource: ["kumo.make_egress_source"]
        case .makeEgressPool: ["kumo.make_egress_pool"]
        case .reject: ["kumo.reject"]
        case .disconnect: ["kumo.disconnect"]
        case .logDebug: ["kumo.log_debug"]
        case .logInfo: ["kumo.log_info", "kumo.log", "print"]
        case .logWarn: ["kumo.log_warn", "warn"]
        case .logError: ["kumo.log_error"]
        case .sleep: ["kumo.sleep", "kumo.time.sleep"]
        case .availableParallelism: ["kumo.available_parallelism"]
        case .ignored: KnownNames.ignored.map { "kumo.\($0)" }
        case .jsonEncode: ["kumo.json_encode", "kumo.serde.json_encode"]
        case .jsonEncodePretty: ["kumo.json_encode_pretty", "kumo.serde.json_encode_pretty"]
        case .jsonParse: ["kumo.json_parse", "kumo.serde.json_parse"]
        case .jsonLoad: ["kumo.json_load", "kumo.serde.json_load"]
        case .httpGet: ["http.get"]
        case .httpPost: ["http.post"]
        case .makeThrottle: ["kumo.make_throttle"]
        case .throttleTake: ["connection.throttle"]
        case .throttleSleep: ["connection.sleep_if_throttled"]
        case .throttleExplain: ["connection.explain"]
        case .throttleDelay: ["connection.delay_message_if_throttled"]
        // Straight into what `require` answers: there is no global of that name.
        case .redisOpen: ["package.loaded.redis.open"]
        case .redisQuery: ["connection.query"]
        case .adminSuspend: ["kumo.api.admin.suspend.suspend"]
        case .adminSuspendReadyQueue: ["kumo.api.admin.suspend_ready_q.suspend"]
        case .adminBounce: ["kumo.api.admin.bounce.bounce"]
        case .setNegativeTTL: ["kumo.dns.set_mx_negative_cache_ttl"]
        case .messageID: ["message.id"]
        case .messageSender: ["message.sender"]
        case .messageRecipient: ["message.recipient"]
        case .messageRecipientList: ["message.recipient_list"]
        case .messageGetMeta: ["message.get_meta"]
        case .messageSetMeta: ["message.set_meta"]
        case .messageQueueName: ["message.queue_name"]
        case .messageGetData: ["message.get_data"]
        case .messageNumAttempts: ["message.num_attempts"]
        case .messageFirstHeader: ["message.get_first_named_header_value"]
        case .connectionGetMeta: ["connection.get_meta"]
        case .connectionSetMeta: ["connection.set_meta"]
        case .unsupportedModule: KnownNames.unsupportedModules.map { "package.preload.\($0)" }
        case .missingInKumo, .missingInSerde, .missingInTime, .missingInHTTP, .missingInMessage, .missingInConnection, .missingInRedis,
            .missingInAPI, .missingInAdmin, .missingInSuspend, .missingInSuspendReadyQueue, .missingInBounce, .missingInDNS:
            []
        }
    }

    /// The table whose missing names this function reports.
    var sealedTable: String? {
        switch self {
        case .missingInKumo: "kumo"
        case .missingInSerde: "kumo.serde"
        case .missingInTime: "kumo.time"
        case .missingInHTTP: "http"
        case .missingInMessage: "message"
        case .missingInConnection: "connection"
        case .missingInRedis: "package.loaded.redis"
        case .missingInAPI: "kumo.api"
        case .missingInAdmin: "kumo.api.admin"
        case .missingInSuspend: "kumo.api.admin.suspend"
        case .missingInSuspendReadyQueue: "kumo.api.admin.suspend_ready_q"
        case .missingInBounce: "kumo.api.admin.bounce"
        case .missingInDNS: "kumo.dns"
        default: nil
        }
    }

    /// How C converts the arguments.
    var flags: Int32 {
        switch self {
        case .on: APUS_FLAG_FUNCTIONS
        case .logDebug, .logInfo, .logWarn, .logError: APUS_FLAG_TEXT
        default: 0
        }
    }

    /// The names in `table`, of functions and of tables, for "did you mean".
    static func names(in table: String) -> [String] {
        let prefix = table + "."
        let names = allCases.flatMap(\.paths).filter { $0.hasPrefix(prefix) }.map {
            String($0.dropFirst(prefix.count).prefix { $0 != "." })
        }
        return Set(names).sorted()
    }
}

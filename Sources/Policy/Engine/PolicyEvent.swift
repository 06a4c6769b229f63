/// *value*: an event this version fires; the raw value is its Lua name.
package enum PolicyEvent: String, Sendable, CaseIterable {
    case `init`
    case preInit = "pre_init"
    case validateConfig = "validate_config"
    case getQueueConfig = "get_queue_config"
    case getEgressPathConfig = "get_egress_path_config"
    case getEgressPool = "get_egress_pool"
    case getEgressSource = "get_egress_source"
    case smtpServerConnectionAccepted = "smtp_server_connection_accepted"
    case smtpServerEhlo = "smtp_server_ehlo"
    case smtpServerMailFrom = "smtp_server_mail_from"
    case smtpServerRcptTo = "smtp_server_rcpt_to"
    case smtpServerMessageReceived = "smtp_server_message_received"
    case httpMessageGenerated = "http_message_generated"
    case deliveryComplete = "delivery_complete"

    /// Several handlers may be registered; the first non-nil answer wins.
    var allowsSeveral: Bool {
        switch self {
        case .preInit, .validateConfig, .getQueueConfig: true
        case .`init`, .getEgressPathConfig, .getEgressPool, .getEgressSource, .smtpServerConnectionAccepted, .smtpServerEhlo,
            .smtpServerMailFrom,
            .smtpServerRcptTo, .smtpServerMessageReceived, .httpMessageGenerated, .deliveryComplete:
            false
        }
    }

    /// What the handler's table must be, when it was made by `kumo.make_*`.
    var answer: ConfigKind? {
        switch self {
        case .getQueueConfig: .queueConfig
        case .getEgressPathConfig: .egressPath
        case .getEgressPool: .egressPool
        case .getEgressSource: .egressSource
        case .`init`, .preInit, .validateConfig, .smtpServerConnectionAccepted, .smtpServerEhlo, .smtpServerMailFrom, .smtpServerRcptTo,
            .smtpServerMessageReceived, .httpMessageGenerated, .deliveryComplete:
            nil
        }
    }

    /// Position in `allCases`, for tables without hashing.
    var index: Int {
        switch self {
        case .`init`: 0
        case .preInit: 1
        case .validateConfig: 2
        case .getQueueConfig: 3
        case .getEgressPathConfig: 4
        case .getEgressPool: 5
        case .getEgressSource: 6
        case .smtpServerConnectionAccepted: 7
        case .smtpServerEhlo: 8
        case .smtpServerMailFrom: 9
        case .smtpServerRcptTo: 10
        case .smtpServerMessageReceived: 11
        case .httpMessageGenerated: 12
        case .deliveryComplete: 13
        }
    }
}

import CLuaShim
import Glibc
import Message
import Options
import Shaping

/// *loop-confined*: the arguments of one native call, in order.
struct NativeArguments {
    let call: apus_native_call
    var reader: ValueReader

    init(_ call: apus_native_call) {
        self.call = call
        reader = ValueReader(UnsafeRawBufferPointer(start: call.bytes, count: call.bytes == nil ? 0 : call.count))
    }

    mutating func next() -> NativeArgument { reader.argument() }

    /// Data; an object or a function reads as an error.
    mutating func value(_ name: String) throws(NativeFailure) -> ConfigValue {
        switch next() {
        case .value(let value): return value
        case .kind(_, let table): return .table(table)
        case .message: throw .error("\(name): a message can not be used here")
        case .connection: throw .error("\(name): a connection can not be used here")
        case .function: throw .error("\(name): a function can not be used here")
        }
    }

    mutating func string(_ name: String, _ what: String) throws(NativeFailure) -> String {
        guard case .string(let text) = try value(name) else { throw .error("\(name): \(what) must be a string") }
        return text
    }

    mutating func table(_ name: String) throws(NativeFailure) -> [String: ConfigValue] {
        switch try value(name) {
        case .table(let table): return table
        case .list: throw .error("\(name): the options must have names, as in \(name){listen = '127.0.0.1:25'}")
        default: throw .error("\(name): a table of options is required")
        }
    }

    /// `file:line` of the caller.
    var position: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 160) { buffer in
            let count = withUnsafePointer(to: call) { apus_where($0, buffer.baseAddress!, buffer.count) }
            return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }
}

extension PolicyEngine {
    /// Entry from C. Returns a count of values or a status, and never enters Lua itself.
    func native(_ number: Int32, _ call: apus_native_call, _ reply: UnsafeMutablePointer<apus_buffer>) -> Int32 {
        let writer = ValueWriter(buffer: reply)
        do throws(NativeFailure) {
            guard let function = NativeFunction(rawValue: number) else { throw NativeFailure.error("unknown function") }
            var arguments = NativeArguments(call)
            let count = try perform(function, &arguments, writer)
            guard !reply.pointee.failed else { throw NativeFailure.error("not enough memory") }
            return count
        } catch {
            apus_buffer_reset(reply)
            switch error {
            case .reject(let rejection):
                rejection.write(writer)
                return APUS_NATIVE_REJECT
            case .error(let text):
                var text = text
                text.withUTF8 { apus_buffer_put(reply, $0.baseAddress, $0.count) }
                return APUS_NATIVE_ERROR
            }
        }
    }

    private func perform(_ function: NativeFunction, _ arguments: inout NativeArguments, _ writer: ValueWriter) throws(NativeFailure)
        -> Int32
    {
        switch function {
        case .messageGetMeta:
            let message = try message(&arguments, "msg:get_meta")
            writer.config(message.meta(try arguments.string("msg:get_meta", "the name")))
        case .messageSetMeta:
            let message = try message(&arguments, "msg:set_meta")
            let key = try arguments.string("msg:set_meta", "the name")
            message.setMeta(key, try Self.metaValue(key, &arguments, "msg:set_meta"))
            return 0
        case .messageID: writer.string(try message(&arguments, "msg:id").id)
        case .messageSender: writer.string(try message(&arguments, "msg:sender").sender.text)
        case .messageRecipient:
            let recipients = try message(&arguments, "msg:recipient").recipients
            if recipients.count == 1 { writer.string(recipients[0].text) } else { Self.write(recipients, writer) }
        case .messageRecipientList: Self.write(try message(&arguments, "msg:recipient_list").recipients, writer)
        case .messageQueueName: writer.string(try Self.queueName(of: message(&arguments, "msg:queue_name")))
        case .messageGetData: writer.bytes(try message(&arguments, "msg:get_data").data)
        case .messageNumAttempts: writer.integer(Int64(try message(&arguments, "msg:num_attempts").numAttempts))
        case .messageFirstHeader:
            let message = try message(&arguments, "msg:get_first_named_header_value")
            let name = try arguments.string("msg:get_first_named_header_value", "the name")
            if let value = message.firstHeader(name) { writer.string(value) } else { writer.null() }
        case .connectionGetMeta:
            let connection = try connection(&arguments, "conn:get_meta")
            writer.config(connection.meta(try arguments.string("conn:get_meta", "the name")))
        case .connectionSetMeta:
            let connection = try connection(&arguments, "conn:set_meta")
            let key = try arguments.string("conn:set_meta", "the name")
            connection.setMeta(key, try Self.metaValue(key, &arguments, "conn:set_meta"))
            return 0

        case .on:
            try on(&arguments)
            return 0
        case .startESMTPListener, .startHTTPListener, .defineSpool, .configureLocalLogs, .configureRedisThrottles:
            try declare(function, &arguments)
            return 0
        case .setNegativeTTL:
            try setNegativeTTL(&arguments)
            return 0
        case .makeQueueConfig: try make(.queueConfig, function, &arguments, writer)
        case .makeEgressPath: try make(.egressPath, function, &arguments, writer)
        case .makeEgressSource: try make(.egressSource, function, &arguments, writer)
        case .makeEgressPool: try make(.egressPool, function, &arguments, writer)

        case .reject:
            throw .reject(
                try Rejection("kumo.reject", code: arguments.value("kumo.reject"), text: arguments.value("kumo.reject"), mode: nil))
        case .disconnect:
            let name = "kumo.disconnect"
            throw .reject(try Rejection(name, code: arguments.value(name), text: arguments.value(name), mode: arguments.value(name)))

        case .logDebug, .logInfo, .logWarn, .logError:
            log(function, &arguments)
            return 0
        case .availableParallelism: writer.integer(Int64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
        case .ignored: return 0

        case .sleep: return try sleep(&arguments)
        case .httpGet: return try request("GET", "http.get", &arguments)
        case .httpPost: return try request("POST", "http.post", &arguments)

        case .makeThrottle: try makeThrottle(&arguments, writer)
        case .throttleTake: return try takeThrottle(&arguments, writer)
        case .throttleSleep: return try sleepIfThrottled(&arguments, writer)
        case .throttleExplain: writer.string(try explainThrottle(&arguments))
        case .throttleDelay:
            throw .error(
                "throttle:delay_message_if_throttled is not supported yet by this version: a policy can not put messages off; "
                    + "use throttle:sleep_if_throttled, or max_message_rate of the queue")
        case .redisOpen: try openRedis(&arguments, writer)
        case .redisQuery: return try queryRedis(&arguments)
        case .adminSuspend: try order(.suspend, function, &arguments, writer)
        case .adminSuspendReadyQueue: try order(.suspendReadyQueue, function, &arguments, writer)
        case .adminBounce: try order(.bounce, function, &arguments, writer)

        case .jsonEncode, .jsonEncodePretty: try encodeJSON(pretty: function == .jsonEncodePretty, &arguments, writer)
        case .jsonParse: writer.config(try parseJSON(arguments.string("kumo.json_parse", "the text"), "kumo.json_parse"))
        case .jsonLoad: try loadJSON(&arguments, writer)

        case .missingInKumo, .missingInSerde, .missingInTime, .missingInHTTP, .missingInMessage, .missingInConnection, .missingInRedis,
            .missingInAPI, .missingInAdmin, .missingInSuspend, .missingInSuspendReadyQueue, .missingInBounce, .missingInDNS:
            throw .error(Self.missing(function, try arguments.string("index", "the name")))
        case .unsupportedModule:
            throw .error("require '\(try arguments.string("require", "the name"))' is not supported yet by this version")
        }
        return 1
    }
}

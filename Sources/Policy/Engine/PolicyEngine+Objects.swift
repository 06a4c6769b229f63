import Message
import Options
import Shaping

extension PolicyEngine {
    /// The message a method was called on.
    func message(_ arguments: inout NativeArguments, _ name: String) throws(NativeFailure) -> any PolicyMessage {
        guard case .message(let handle) = arguments.next() else { throw .error("\(name): call it on a message, with a colon") }
        guard case .message(let message) = objects[handle] else {
            throw .error("\(name): this message is gone; it can be used only until the handler that received it ends")
        }
        return message
    }

    /// The connection a method was called on.
    func connection(_ arguments: inout NativeArguments, _ name: String) throws(NativeFailure) -> any PolicyConnection {
        guard case .connection(let handle) = arguments.next() else { throw .error("\(name): call it on a connection, with a colon") }
        switch objects[handle] {
        case .connection(let connection): return connection
        case .redis: throw .error("\(name): call it on the connection that a handler received, not on one of redis.open")
        case .message, nil: throw .error("\(name): this connection is gone; it can be used only until the handler that received it ends")
        }
    }

    /// The metadata that names queues must be text.
    static func metaValue(_ key: String, _ arguments: inout NativeArguments, _ function: String) throws(NativeFailure) -> ConfigValue {
        switch key {
        case "tenant", "campaign", "queue", "routing_domain":
            // The bytes are looked at before they are made text: two names that are not UTF-8 must not become one.
            var bytes = arguments.reader
            let value = try arguments.value(function)
            switch value {
            case .null: return value
            case .string:
                guard case .bytes(let text) = bytes.part(), String(validating: text, as: UTF8.self) != nil else {
                    throw .error("\(function): '\(key)' must be valid UTF-8")
                }
                return value
            case .bool, .integer, .number, .list, .table: throw .error("\(function): '\(key)' must be a string, or nil to clear it")
            }
        default: return try arguments.value(function)
        }
    }

    /// What `msg:queue_name` answers.
    static func queueName(of message: any PolicyMessage) throws(NativeFailure) -> String {
        do { return try message.queueName } catch { throw .error("msg:queue_name: \(error)") }
    }

    static func write(_ addresses: [EnvelopeAddress], _ writer: ValueWriter) {
        writer.list(count: addresses.count)
        for address in addresses { writer.string(address.text) }
    }

    /// The text for a name that a table of the API does not have.
    static func missing(_ function: NativeFunction, _ name: String) -> String {
        let table = function.sealedTable ?? ""
        let shown =
            switch function {
            case .missingInMessage: "msg:"
            case .missingInConnection: "conn:"
            case .missingInRedis: "redis."
            default: "\(table)."
            }
        let unsupported = KnownNames.unsupported[table] ?? []
        if unsupported.contains(name) { return "\(shown)\(name) is not supported yet by this version" }
        return "\(shown)\(name) does not exist" + NearestName.hint(name, in: NativeFunction.names(in: table) + unsupported.sorted())
    }
}

import CLuaShim
import Options
import Shaping

/// *value*: what Lua handed over: data, or something only this engine can resolve.
enum NativeArgument {
    case value(ConfigValue)
    case kind(ConfigKind, [String: ConfigValue])
    case message(UInt64)
    case connection(UInt64)
    case function(Int32)
}

/// *value*: a part of a command, or what stood in its place.
enum NativePart: Equatable {
    case bytes([UInt8])
    case other(String)
}

/// *loop-confined*: reads the byte format of `CLuaShim.h`. Reading past the end answers null, never traps.
struct ValueReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    init(_ buffer: UnsafeMutablePointer<apus_buffer>) {
        bytes = UnsafeRawBufferPointer(start: buffer.pointee.bytes, count: buffer.pointee.bytes == nil ? 0 : buffer.pointee.count)
    }

    var isAtEnd: Bool { position >= bytes.count }

    /// The next top-level value; null at the end, as for a missing argument.
    mutating func argument() -> NativeArgument {
        guard position < bytes.count else { return .value(.null) }
        switch Int32(bytes[position]) {
        case APUS_TAG_MESSAGE:
            position += 1
            return .message(word() ?? 0)
        case APUS_TAG_CONNECTION:
            position += 1
            return .connection(word() ?? 0)
        case APUS_TAG_FUNCTION:
            position += 1
            return .function(Int32(bitPattern: length() ?? 0))
        case APUS_TAG_KIND:
            let start = position
            position += 1
            if let kind = text().flatMap(ConfigKind.init(rawValue:)), case .table(let table) = value() { return .kind(kind, table) }
            position = start
            return .value(value())
        default:
            return .value(value())
        }
    }

    /// The next top-level value as bytes that go to another program; nothing is repaired on the way.
    mutating func part() -> NativePart {
        guard position < bytes.count, Int32(bytes[position]) == APUS_TAG_STRING else {
            switch argument() {
            case .value(.integer(let value)): return .bytes(Array(String(value).utf8))
            case .value(.number(let value)):
                guard value.isFinite else { return .other("a number that is not finite") }
                // Lua's `/` makes floats of whole numbers, which no integer command would take.
                return .bytes(Array((Int64(exactly: value).map { String($0) } ?? String(value)).utf8))
            case .value(.bool): return .other("a boolean")
            case .value(.null): return .other("nil")
            case .value, .kind: return .other("a table")
            case .message: return .other("a message")
            case .connection: return .other("a connection")
            case .function: return .other("a function")
            }
        }
        position += 1
        guard let count = length().map(Int.init), bytes.count - position >= count else { return .other("nil") }
        defer { position += count }
        return .bytes(Array(bytes[position..<position + count]))
    }

    /// Data only. A list of one kind nested in data loses its kind; objects can not be nested and read as null.
    mutating func value() -> ConfigValue {
        guard position < bytes.count else { return .null }
        let tag = Int32(bytes[position])
        position += 1
        switch tag {
        case APUS_TAG_FALSE: return .bool(false)
        case APUS_TAG_TRUE: return .bool(true)
        case APUS_TAG_INTEGER: return .integer(Int64(bitPattern: word() ?? 0))
        case APUS_TAG_NUMBER: return .number(Double(bitPattern: word() ?? 0))
        case APUS_TAG_STRING: return .string(text() ?? "")
        case APUS_TAG_LIST:
            var values: [ConfigValue] = []
            for _ in 0..<(length() ?? 0) where position < bytes.count { values.append(value()) }
            return .list(values)
        case APUS_TAG_TABLE:
            var table: [String: ConfigValue] = [:]
            for _ in 0..<(length() ?? 0) where position < bytes.count {
                let key = text() ?? ""
                table[key] = value()
            }
            return .table(table)
        case APUS_TAG_KIND:
            _ = text()
            return value()
        case APUS_TAG_MESSAGE, APUS_TAG_CONNECTION:
            _ = word()
            return .null
        case APUS_TAG_FUNCTION:
            _ = length()
            return .null
        default: return .null
        }
    }

    private mutating func word() -> UInt64? {
        guard bytes.count - position >= 8 else { return nil }
        defer { position += 8 }
        return bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
    }

    private mutating func length() -> UInt32? {
        guard bytes.count - position >= 4 else { return nil }
        defer { position += 4 }
        return bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
    }

    private mutating func text() -> String? {
        guard let count = length().map(Int.init), bytes.count - position >= count else { return nil }
        defer { position += count }
        return String(decoding: bytes[position..<position + count], as: UTF8.self)
    }
}

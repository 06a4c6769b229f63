/// One reply of a server, or a part of one. *Value.*
///
/// An error at the top of a reply becomes `RedisFailure.server`; `error` here is one inside an array.
package enum RedisValue: Sendable, Equatable {
    /// No such key, field or array.
    case null
    case integer(Int64)
    /// A string of any bytes.
    case bytes([UInt8])
    /// A status such as `OK`.
    case simple(String)
    /// An error, its code first: `WRONGTYPE Operation against ...`.
    case error(String)
    case array([RedisValue])
}

extension RedisValue {
    /// The text of a string or status; invalid UTF-8 is repaired.
    package var text: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .simple(let text): text
        case .null, .integer, .error, .array: nil
        }
    }

    /// The number, also when it was sent as a string of decimal digits.
    package var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes, .simple: text.flatMap { Int64($0) }
        case .null, .error, .array: nil
        }
    }

    /// The elements of an array.
    package var array: [RedisValue]? {
        switch self {
        case .array(let elements): elements
        case .null, .integer, .bytes, .simple, .error: nil
        }
    }

    /// The bytes of a string or status.
    package var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .simple(let text): Array(text.utf8)
        case .null, .integer, .error, .array: nil
        }
    }

    /// Whether there was nothing.
    package var isNull: Bool { self == .null }
}

import CLuaShim
import Message
import Options
import Shaping

/// *loop-confined*: writes values in the byte format of `CLuaShim.h`, into memory that C owns.
struct ValueWriter {
    let buffer: UnsafeMutablePointer<apus_buffer>

    func null() { apus_buffer_put8(buffer, UInt8(APUS_TAG_NIL)) }
    func bool(_ value: Bool) { apus_buffer_put8(buffer, UInt8(value ? APUS_TAG_TRUE : APUS_TAG_FALSE)) }

    func integer(_ value: Int64) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_INTEGER))
        apus_buffer_put64(buffer, UInt64(bitPattern: value))
    }

    func number(_ value: Double) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_NUMBER))
        apus_buffer_put64(buffer, value.bitPattern)
    }

    func string(_ value: String) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_STRING))
        text(value)
    }

    func bytes(_ value: [UInt8]) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_STRING))
        apus_buffer_put32(buffer, UInt32(clamping: value.count))
        value.withUnsafeBytes { apus_buffer_put(buffer, $0.baseAddress, $0.count) }
    }

    func list(count: Int) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_LIST))
        apus_buffer_put32(buffer, UInt32(clamping: count))
    }

    func table(count: Int) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_TABLE))
        apus_buffer_put32(buffer, UInt32(clamping: count))
    }

    func key(_ value: String) { text(value) }

    func kind(_ value: ConfigKind) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_KIND))
        text(value.rawValue)
    }

    /// What `kumo.make_throttle` answers: a table whose methods are among those of connections, the class C knows.
    ///
    /// A table and not a handle, because Lua's collector frees it: a policy may make throttles with names of any number.
    func throttle(name: String, spec: String) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_KIND))
        text("apus.connection")
        table(count: 2)
        key("name")
        string(name)
        key("spec")
        string(spec)
    }

    func message(_ handle: UInt64) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_MESSAGE))
        apus_buffer_put64(buffer, handle)
    }

    func connection(_ handle: UInt64) {
        apus_buffer_put8(buffer, UInt8(APUS_TAG_CONNECTION))
        apus_buffer_put64(buffer, handle)
    }

    /// Depth is bounded again in C, where it is read.
    func config(_ value: ConfigValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .number(let value): number(value)
        case .string(let value): string(value)
        case .list(let values):
            list(count: values.count)
            for value in values { config(value) }
        case .table(let values):
            table(count: values.count)
            for (name, value) in values {
                key(name)
                config(value)
            }
        }
    }

    private func text(_ value: String) {
        var value = value
        value.withUTF8 {
            apus_buffer_put32(buffer, UInt32(clamping: $0.count))
            apus_buffer_put(buffer, $0.baseAddress, $0.count)
        }
    }
}

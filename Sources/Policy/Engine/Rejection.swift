import Options
import Shaping

/// *value*: what `kumo.reject` and `kumo.disconnect` throw through Lua, as a table so that a policy may look at it in `pcall`.
struct Rejection {
    var code: Int
    var text: String
    var mode: PolicyDisconnectMode?

    /// Reads back the table; a policy may have changed it, so nothing is taken for granted.
    init(_ table: [String: ConfigValue]) {
        if case .integer(let value) = table["code"], (400...599).contains(value) { code = Int(value) } else { code = 451 }
        if case .string(let value) = table["message"] { text = Self.clean(value) } else { text = "rejected" }
        if case .string(let value) = table["mode"] { mode = PolicyDisconnectMode(rawValue: value) } else { mode = nil }
    }

    /// Checks the arguments of the Lua function `name`.
    init(_ name: String, code: ConfigValue, text: ConfigValue, mode: ConfigValue?) throws(NativeFailure) {
        switch code {
        case .integer(let value) where (400...599).contains(value): self.code = Int(value)
        case .number(let value) where value == value.rounded() && (400...599).contains(value): self.code = Int(value)
        default: throw .error("\(name): the code must be a number from 400 to 599")
        }
        guard case .string(let value) = text else { throw .error("\(name): the text must be a string") }
        self.text = Self.clean(value)
        switch mode {
        case nil: self.mode = nil
        case .null?: self.mode = .forceDisconnect
        case .string(let value)?:
            guard let known = PolicyDisconnectMode(rawValue: value) else {
                throw .error("\(name): the mode must be 'ForceDisconnect', 'FollowWith421' or 'If421', not '\(value)'")
            }
            self.mode = known
        default: throw .error("\(name): the mode must be a string")
        }
    }

    var error: PolicyError {
        guard let mode else { return .rejected(code: code, text: text) }
        return .disconnected(code: code, text: text, mode: mode)
    }

    func write(_ writer: ValueWriter) {
        writer.table(count: mode == nil ? 2 : 3)
        writer.key("code")
        writer.integer(Int64(code))
        writer.key("message")
        writer.string(text)
        if let mode {
            writer.key("mode")
            writer.string(mode.rawValue)
        }
    }

    /// The text goes into a reply line and may quote what a peer said: no line breaks, no controls, at most 400 characters.
    static func clean(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(400) { out.append(scalar.properties.generalCategory == .control ? " " : scalar) }
        return String(out)
    }
}

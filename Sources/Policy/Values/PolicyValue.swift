package import Message
package import Options
import Shaping

/// *value*: an argument of an event.
package enum PolicyValue {
    case null
    case string(String)
    case integer(Int)
    case config(ConfigValue)
    /// Arrives in Lua as a string that also answers `.user`, `.domain` and `.email`.
    case address(EnvelopeAddress)
    case message(any PolicyMessage)
    case connection(any PolicyConnection)
}

package import Message
package import Options
import Shaping

/// *loop-confined* protocol: the message behind Lua's `msg`. Lua holds a numbered handle, which dies when the handler ends.
package protocol PolicyMessage: AnyObject {
    /// Hexadecimal identifier.
    var id: String { get }
    /// Reverse path.
    var sender: EnvelopeAddress { get }
    /// One after the split, all of them before.
    var recipients: [EnvelopeAddress] { get }
    /// The metadata under `key`, or `.null`.
    func meta(_ key: String) -> ConfigValue
    /// Sets metadata; `.null` removes it. `tenant`, `campaign`, `queue` and `routing_domain` are strings or `.null`.
    func setMeta(_ key: String, _ value: ConfigValue)
    /// The effective scheduled queue; an error says which meta value names none.
    var queueName: String { get throws }
    /// The whole message, RFC 5322.
    var data: [UInt8] { get }
    /// Delivery attempts so far.
    var numAttempts: Int { get }
    /// The unfolded value of the first header of that name.
    func firstHeader(_ name: String) -> String?
}

/// *loop-confined* protocol: the connection behind Lua's `conn_meta`.
package protocol PolicyConnection: AnyObject {
    /// The metadata under `key`, or `.null`.
    func meta(_ key: String) -> ConfigValue
    /// Sets metadata; `.null` removes it.
    func setMeta(_ key: String, _ value: ConfigValue)
}

/// One call of a script. *Value.*
///
/// It is sent by EVALSHA, and once more by EVAL when the server does not know the script. It is never redirected: when a Redis Cluster has
/// moved the slot the call fails with `RedisFailure.moved` and the next one goes to the new server.
package struct ScriptCall: Sendable, Equatable {
    /// What to run.
    package let script: RedisScript
    /// KEYS; they must all be of one slot.
    package let keys: [String]
    /// ARGV.
    package let arguments: [String]
    /// When not nil: the call may only be written to a server process with this run id, else it fails with `RedisFailure.runChanged`.
    package let runID: String?

    /// A call of a script; `runID`: only on that run of the server.
    package init(script: RedisScript, keys: [String], arguments: [String], runID: String?) {
        self.script = script
        self.keys = keys
        self.arguments = arguments
        self.runID = runID
    }

    /// The command: by digest, or with the whole text.
    func parts(wholeText: Bool) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        parts.reserveCapacity(3 + keys.count + arguments.count)
        parts.append(Array((wholeText ? "EVAL" : "EVALSHA").utf8))
        parts.append(Array((wholeText ? script.text : script.sha1).utf8))
        parts.append(Array(String(keys.count).utf8))
        for key in keys { parts.append(Array(key.utf8)) }
        for argument in arguments { parts.append(Array(argument.utf8)) }
        return parts
    }
}

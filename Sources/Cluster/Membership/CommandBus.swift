package import Redis

/// The one way to the store for all of the cluster's parts, so that what is due in the same moment leaves in one write. *Shared.*
package protocol CommandBus: Sendable {
    /// Takes commands and scripts along with the next pipeline, within 100 ms, or at once when it is `urgent`. `reply` is called
    /// with one result per command and one per script, in order; on which thread is not said.
    func submit(
        _ commands: [RedisCommand], scripts: [ScriptCall], urgent: Bool,
        reply: @escaping @Sendable ([Result<RedisValue, RedisFailure>], [Result<RedisValue, RedisFailure>]) -> Void)
}

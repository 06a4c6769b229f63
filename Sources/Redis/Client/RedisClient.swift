package import NIOCore

/// A client of a Redis server, of a master that Sentinels name, or of a Redis Cluster. *Shared*: all its state lives on `eventLoop`.
///
/// Results are given on the loop. A client must be closed; until then its sockets and timers live on.
///
/// *Diagnostics*: nothing throws and nothing blocks: every command ends with a reply or a `RedisFailure` by its deadline. Servers that
/// cannot be used (a replica, one that is loading, a wrong password) are tried again with backoff; `statistics.lastError` and `check()`
/// say why.
package final class RedisClient: Sendable {
    /// Where everything happens.
    package let eventLoop: any EventLoop
    let setup: ConnectionSetup
    private let core: NIOLoopBoundBox<ClientCore>

    /// A client that does nothing yet. `name` is shown by CLIENT LIST.
    package init(_ configuration: RedisConfiguration, name: String, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        setup = ConnectionSetup(configuration: configuration, name: name, eventLoop: eventLoop, counters: RedisCounters())
        core = NIOLoopBoundBox.makeBoxSendingValue(ClientCore(setup), eventLoop: eventLoop)
    }

    /// Connects; from any thread.
    package func start() { eventLoop.execute { self.core.value.start() } }

    /// Fails what is under way with `closed` and closes the sockets.
    package func close() async { try? await eventLoop.flatSubmit { self.core.value.close() }.get() }

    /// Sends a batch: all commands that go to one server leave in one write.
    ///
    /// On the loop only. `timeout` counts from now; nil is the configured one. `reply` is called once, on the loop and never inside this
    /// call, with one result per command and per script, in order. An error reply of the server is a failure `server`.
    package func send(
        _ commands: [RedisCommand], scripts: [ScriptCall] = [], timeout: Duration? = nil,
        reply: @escaping ([Result<RedisValue, RedisFailure>], [Result<RedisValue, RedisFailure>]) -> Void
    ) {
        core.value.send(commands, scripts, timeout: timeout?.timeoutNanoseconds ?? setup.commandTimeout, reply: reply)
    }

    /// The run id of the server that serves the key now; nil when not connected to it. On the loop only.
    package func runID(forKey key: String) -> String? { core.value.directory.runID(forKey: Array(key.utf8)) }

    /// How many nanoseconds ago the host of the store refused the newest attempt to connect: no process listened there then. On the loop only.
    ///
    /// `nil` when it did not, and when that would prove nothing: with Sentinels or a Redis Cluster another server may serve by now, and a name may
    /// lead others elsewhere. A firewall that rejects in the server's name looks the same.
    package var refusedAge: Int64? {
        core.value.directory.refusedAt.map { max(0, Int64(eventLoop.now.uptimeNanoseconds) - $0) }
    }

    /// Whether the newest attempt to connect was refused, as `refusedAge` says. On the loop only.
    package var isRefused: Bool { refusedAge != nil }

    /// Listens on a channel, over a connection that all channels share and that is made again when it breaks; from any thread.
    ///
    /// `onMessage` is called on the loop, with `[]` after each (re)connect: messages may have been missed. It must only touch what
    /// belongs to the loop or is Sendable.
    package func subscribe(_ channel: String, onMessage: @escaping @Sendable ([UInt8]) -> Void) {
        if eventLoop.inEventLoop {
            core.value.subscription.add(channel, onMessage)
        } else {
            eventLoop.execute { self.core.value.subscription.add(channel, onMessage) }
        }
    }

    /// What the client has done so far; from any thread.
    package var statistics: RedisStatistics { setup.counters.snapshot }
}

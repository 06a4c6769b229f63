import NIOCore

/// The part of a client that lives on its loop. *Loop-confined.*
final class ClientCore {
    private let setup: ConnectionSetup
    let directory: any ServerDirectory
    let subscription: Subscription

    init(_ setup: ConnectionSetup) {
        self.setup = setup
        let directory: any ServerDirectory =
            switch setup.configuration.kind {
            case .single(let endpoint): OneServer(setup, endpoint: endpoint)
            case .sentinel(let master, let sentinels): OneServer(setup, master: master, sentinels: sentinels)
            case .cluster(let seeds): ClusterServers(setup, seeds: seeds)
            }
        self.directory = directory
        subscription = Subscription(setup) { [weak directory] in directory?.subscriptionEndpoint }
    }

    /// Connects.
    func start() { directory.start() }

    /// Ends everything.
    func close() -> EventLoopFuture<Void> {
        subscription.close()
        return directory.close()
    }

    /// Sends one batch.
    func send(
        _ commands: [RedisCommand], _ scripts: [ScriptCall], timeout: Int64, reply: @escaping (Batch.Results, Batch.Results) -> Void
    ) {
        let deadline = setup.eventLoop.nanoseconds + timeout
        let batch = Batch(commands: commands.count, scripts: scripts.count, eventLoop: setup.eventLoop, reply: reply)
        var calls: [Call] = []
        calls.reserveCapacity(commands.count + scripts.count)
        for (index, command) in commands.enumerated() {
            calls.append(Call(.command(command.parts), key: command.routingKey, deadline: deadline) { batch.finishCommand(index, $0) })
        }
        for (index, script) in scripts.enumerated() {
            let key = script.keys.first.map { Array($0.utf8) }
            calls.append(Call(.script(script), key: key, deadline: deadline) { batch.finishScript(index, $0) })
        }
        directory.submit(calls)
        batch.submitted()
    }
}

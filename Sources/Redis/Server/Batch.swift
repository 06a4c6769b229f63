import NIOCore

/// The results of one `send`, gathered until all are there. *Loop-confined.*
final class Batch {
    typealias Results = [Result<RedisValue, RedisFailure>]

    private var commands: Results
    private var scripts: Results
    private var missing: Int
    private var isSubmitting = true
    private let eventLoop: any EventLoop
    private let reply: (Results, Results) -> Void

    init(commands: Int, scripts: Int, eventLoop: any EventLoop, reply: @escaping (Results, Results) -> Void) {
        self.commands = Array(repeating: .failure(.closed), count: commands)
        self.scripts = Array(repeating: .failure(.closed), count: scripts)
        missing = commands + scripts
        self.eventLoop = eventLoop
        self.reply = reply
    }

    /// The result of the command at `index`.
    func finishCommand(_ index: Int, _ result: Result<RedisValue, RedisFailure>) {
        commands[index] = result
        step()
    }

    /// The result of the script at `index`.
    func finishScript(_ index: Int, _ result: Result<RedisValue, RedisFailure>) {
        scripts[index] = result
        step()
    }

    /// All calls were handed over. A batch that is complete by now replies on the next turn of the loop: never inside `send`,
    /// whose caller may hold a lock.
    func submitted() {
        isSubmitting = false
        guard missing == 0 else { return }
        eventLoop.assumeIsolated().execute { self.reply(self.commands, self.scripts) }
    }

    private func step() {
        missing -= 1
        if missing == 0, !isSubmitting { reply(commands, scripts) }
    }
}

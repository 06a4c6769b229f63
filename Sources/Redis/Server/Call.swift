/// One command or script on its way to its one result. *Loop-confined.*
final class Call {
    /// *Value.* What is called.
    enum Work {
        case command([[UInt8]])
        case script(ScriptCall)
    }

    let work: Work
    /// The key that decides the server of a Redis Cluster; nil when any may run it.
    let key: [UInt8]?
    /// Nanoseconds of the loop's clock.
    let deadline: Int64
    /// The server did not know the script: send its text.
    var sendsWholeText = false
    /// ASKING goes ahead of the command (Redis Cluster, a slot on the move).
    var isAsking = false
    /// How often a Redis Cluster has sent it elsewhere.
    var redirections = 0
    private var done: ((Result<RedisValue, RedisFailure>) -> Void)?

    init(_ work: Work, key: [UInt8]?, deadline: Int64, done: @escaping (Result<RedisValue, RedisFailure>) -> Void) {
        self.work = work
        self.key = key
        self.deadline = deadline
        self.done = done
    }

    /// The command to write.
    var parts: [[UInt8]] {
        switch work {
        case .command(let parts): parts
        case .script(let call): call.parts(wholeText: sendsWholeText)
        }
    }

    /// The script, if it is one.
    var script: ScriptCall? {
        switch work {
        case .command: nil
        case .script(let call): call
        }
    }

    /// Gives the result; only the first counts.
    func finish(_ result: Result<RedisValue, RedisFailure>) {
        let done = self.done
        self.done = nil
        done?(result)
    }
}

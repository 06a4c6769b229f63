import NIOCore

/// A connection made for a few questions and closed behind them. *Value.*
struct Interview: Sendable {
    /// *Value.* What came of it.
    enum Answer: Sendable, Equatable {
        /// No connection, or one that broke before all answers were there; with one sentence.
        case unreachable(RedisFailure, String)
        /// One per question; errors included. An AUTH that failed stands before them.
        case replies([RedisValue])
    }

    private let setup: ConnectionSetup
    private let timeout: Int64

    /// Questions that must all be answered within `timeout` nanoseconds.
    init(_ setup: ConnectionSetup, timeout: Int64) {
        self.setup = setup
        self.timeout = timeout
    }

    /// Logs in and asks; from any thread. The future never fails.
    func ask(_ endpoint: RedisEndpoint, _ questions: [[String]]) -> EventLoopFuture<Answer> {
        ask(endpoint, bytes: questions.map { $0.map { Array($0.utf8) } })
    }

    /// Logs in and asks; from any thread. The future never fails.
    func ask(_ endpoint: RedisEndpoint, bytes questions: [[[UInt8]]]) -> EventLoopFuture<Answer> {
        let promise = setup.eventLoop.makePromise(of: Answer.self)
        setup.eventLoop.execute { run(endpoint, questions, promise) }
        return promise.futureResult
    }

    private func run(_ endpoint: RedisEndpoint, _ questions: [[[UInt8]]], _ promise: EventLoopPromise<Answer>) {
        let deadline = setup.eventLoop.nanoseconds + timeout
        setup.dialer(timeout: timeout).dial(endpoint) { dialogue, failure, text in
            guard let dialogue else { return promise.succeed(.unreachable(failure, text)) }
            var values: [RedisValue] = []
            var missing = questions.count
            dialogue.onClose = { failure, text in promise.succeed(.unreachable(failure, "\(endpoint): \(text)")) }
            if let credentials = setup.configuration.credentials {
                dialogue.ask(credentials.command, deadline: deadline) { result in
                    if case .success(.error(let text)) = result { values.append(.error(text)) }
                }
            }
            for question in questions {
                dialogue.ask(question, deadline: deadline) { result in
                    guard case .success(let value) = result else {
                        return dialogue.close(.tooLarge, "a question is larger than allowed")
                    }
                    values.append(value)
                    missing -= 1
                    guard missing == 0 else { return }
                    dialogue.onClose = nil
                    promise.succeed(.replies(values))
                    dialogue.close(.closed, "")
                }
            }
            dialogue.flush()
        }
    }
}

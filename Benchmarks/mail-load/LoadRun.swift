import Glibc
import NIOCore
import NIOPosix

/// *Loop-confined*: one run: which message is next, when each was sent, and which have come.
final class LoadRun {
    let plan: LoadPlan
    private let loop: any EventLoop
    private let result: EventLoopPromise<LoadReport>
    private var report = LoadReport()
    private var isOver = false
    private var next = 0
    private var startedAt: Int64 = 0
    /// When the final dot of each message was written; 0 before.
    private var sentAt: [Int64]
    /// How long each took; -1 before it came.
    private var latency: [Int64]
    private var idle: [SourceSession] = []
    private let body: ByteBuffer

    init(plan: LoadPlan, loop: any EventLoop, result: EventLoopPromise<LoadReport>) {
        self.plan = plan
        self.loop = loop
        self.result = result
        report.messages = plan.messages
        sentAt = Array(repeating: 0, count: plan.messages)
        latency = Array(repeating: -1, count: plan.messages)
        var text = ByteBuffer()
        let line = String(repeating: "x", count: 70) + "\r\n"
        while text.readableBytes < plan.size { text.writeString(line) }
        // Whole lines only: the content ends in CRLF.
        body = text
    }

    /// Monotonic nanoseconds.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    // MARK: Source

    /// Opens the sessions.
    func start() {
        startedAt = Self.now
        for _ in 0..<min(plan.sessions, plan.messages) { connect() }
        if plan.interval > 0 { pace() }
    }

    /// Opens one session.
    func connect() {
        guard !isOver else { return }
        let session = SourceSession(run: self)
        let bound = NIOLoopBound(session, eventLoop: loop)
        ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .connect(host: "127.0.0.1", port: plan.relay)
            .assumeIsolated()
            .whenFailure { [self] error in fail("no connection to the relay on port \(plan.relay): \(error)") }
    }

    /// The number of the message that a free session sends; nil when it has to wait, or all are sent.
    func take(for session: SourceSession) -> Int? {
        guard next < plan.messages, !isOver else { return nil }
        if plan.interval > 0, Double(Self.now - startedAt) < Double(next) * plan.interval {
            idle.append(session)
            return nil
        }
        next += 1
        return next - 1
    }

    /// Whether all messages have been handed to sessions.
    var isExhausted: Bool { next >= plan.messages }

    /// Lets idle sessions send what has become due.
    private func pace() {
        while let session = idle.last, next < plan.messages, Double(Self.now - startedAt) >= Double(next) * plan.interval {
            idle.removeLast()
            session.proceed()
        }
        guard !isOver, next < plan.messages else { return }
        let due = startedAt + Int64(Double(next) * plan.interval)
        loop.assumeIsolated().scheduleTask(in: .nanoseconds(max(50_000, due - Self.now))) { [self] in pace() }
    }

    /// The content of a message, final dot included.
    func content(of message: Int) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(body.readableBytes + 200)
        let number = String(message)
        let padded = String(repeating: "0", count: LoadPlan.digits - number.utf8.count) + number
        bytes.writeString(
            "X-Load: \(padded)\r\nFrom: <sender@source.example>\r\nTo: <recipient@\(plan.domain(of: message))>\r\nSubject: load\r\n\r\n")
        bytes.writeImmutableBuffer(body)
        bytes.writeStaticString(".\r\n")
        return bytes
    }

    /// The final dot of a message is being written.
    func sent(_ message: Int) { sentAt[message] = Self.now }

    /// The relay has answered the content.
    func answered(isAccepted: Bool, reply: String) {
        if isAccepted {
            report.accepted += 1
            report.acceptSeconds = Double(Self.now - startedAt) / 1e9
        } else {
            report.refused += 1
            report.failure = report.failure ?? "the relay refused a message: \(reply)"
        }
        finishIfComplete()
    }

    // MARK: Sink

    /// A message has come.
    func arrived(_ message: Int) {
        guard latency.indices.contains(message), sentAt[message] != 0 else { return fail("a message came that was never sent") }
        guard latency[message] < 0 else {
            report.doubled += 1
            return
        }
        let now = Self.now
        latency[message] = now - sentAt[message]
        report.delivered += 1
        report.deliverSeconds = Double(now - startedAt) / 1e9
        finishIfComplete()
    }

    // MARK: End

    private func finishIfComplete() {
        guard report.delivered == report.accepted, report.accepted + report.refused == plan.messages else { return }
        // A moment longer, for messages that come twice.
        loop.assumeIsolated().scheduleTask(in: .milliseconds(200)) { [self] in finish() }
    }

    /// Ends the run with what has come so far.
    func giveUp() {
        fail("given up after the timeout: \(report.accepted) of \(plan.messages) accepted, \(report.delivered) delivered")
    }

    /// Ends the run; `reason` says why.
    func fail(_ reason: String) {
        report.failure = report.failure ?? reason
        finish()
    }

    private func finish() {
        guard !isOver else { return }
        isOver = true
        let sorted = latency.filter { $0 >= 0 }.sorted()
        if !sorted.isEmpty {
            report.latencies = LoadReport.quantiles.map { Double(sorted[min(sorted.count - 1, Int($0 * Double(sorted.count)))]) / 1e6 }
        }
        result.succeed(report)
    }
}

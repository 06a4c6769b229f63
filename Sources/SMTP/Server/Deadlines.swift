/// When a session's patience ends. *Value.* Times are monotonic nanoseconds; the driver says what time it is.
///
/// Nothing is scheduled per command: times are only written down here, and the driver's one timer asks `next` when it fires.
struct Deadlines {
    /// The time of the present call into the session.
    var now: Int64 = 0
    private var lastHeard: Int64 = 0
    private var lineStart: Int64?
    private var contentStart: Int64?
    private var contentOctets = 0
    private var askedAt: Int64 = 0
    private var closedAt: Int64?

    private var silence: Int64 = 0
    private var command: Int64 = 0
    private var content: Int64 = 0
    private var processing: Int64 = 0
    private var minimumRate: Int64 = 1
    private var sizeLimit = 0

    /// How long a closing connection is kept for a client that has not read our last reply.
    static let linger: Int64 = 5_000_000_000

    init() {}

    init(_ configuration: ServerConfiguration) {
        silence = configuration.clientTimeout.boundedNanoseconds
        command = configuration.commandTimeout.boundedNanoseconds
        content = configuration.dataTimeout.boundedNanoseconds
        processing = configuration.processingTimeout.boundedNanoseconds
        minimumRate = Int64(max(configuration.minimumRate, 1))
        sizeLimit = max(configuration.maxMessageSize, 0)
    }

    /// No deadline that is set later than now can be earlier than now plus this: the longest a timer may sleep.
    var shortest: Int64 { max(min(silence, command, content, processing, Self.linger), 1_000_000) }

    /// True from the start of the content until its end.
    var isReceivingContent: Bool { contentStart != nil }

    mutating func began(_ time: Int64) {
        now = time
        lastHeard = time
    }

    mutating func heard(_ time: Int64) {
        now = time
        lastHeard = time
    }

    /// A verdict came. The time the delegate took is not the client's.
    mutating func answered() {
        lastHeard = now
        if let start = contentStart { contentStart = start + max(now - askedAt, 0) }
    }

    mutating func lineBegan() { if lineStart == nil { lineStart = now } }
    mutating func lineEnded() { lineStart = nil }
    mutating func asked() { askedAt = now }
    mutating func closed() { closedAt = now }

    mutating func contentBegan() {
        contentStart = now
        contentOctets = 0
    }

    /// Octets swallowed beyond the size limit earn no further time.
    mutating func progress(_ octets: Int) { contentOctets = min(octets, sizeLimit) }
    mutating func contentEnded() { contentStart = nil }

    /// The next deadline and what it means; nil means that the connection is to be closed for good.
    func next(for need: SessionNeed) -> (time: Int64, reason: SessionDeadline?) {
        switch need {
        case .nothing: return ((closedAt ?? now) + Self.linger, nil)
        case .verdict: return (askedAt + processing, .verdict)
        case .command, .content, .handshake:
            var next: (time: Int64, reason: SessionDeadline?) = (lastHeard + silence, .silence)
            if need == .command, let lineStart, lineStart + command < next.time { next = (lineStart + command, .command) }
            if let contentStart {
                let allowance = content + Int64(contentOctets) / minimumRate * 1_000_000_000
                if contentStart + allowance < next.time { next = (contentStart + allowance, .content) }
            }
            return next
        }
    }
}

import Platform
internal import Synchronization

/// The mailbox between callers and the resolver's thread. *Shared.*
final class ResolverCore: Sendable {
    /// Everything that came in since the thread looked last.
    struct Inbox: Sendable {
        var requests: [LookupRequest] = []
        var cancellations: [UInt64] = []
        var isClosed = false
    }

    private struct State {
        var inbox = Inbox()
        /// Requests accepted and not yet answered.
        var open = 0
        var isEnded = false
    }

    let wakeup: Wakeup
    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) throws(ThreadShortage) {
        self.wakeup = try Wakeup()
        self.limit = limit
    }

    /// Takes a request in, or says why not.
    func submit(_ request: LookupRequest) -> DNSError? {
        let (refusal, isFirst) = state.withLock { state -> (DNSError?, Bool) in
            guard !state.inbox.isClosed else {
                return (DNSError(.closed, "the resolver is closed", remedy: "none: the process is stopping"), false)
            }
            guard state.open < limit else {
                return (DNSError(.overloaded, "too many DNS lookups wait", remedy: "check that the DNS servers answer"), false)
            }
            state.open += 1
            state.inbox.requests.append(request)
            return (nil, state.inbox.requests.count == 1)
        }
        if isFirst { wakeup.signal() }
        return refusal
    }

    func cancel(_ id: UInt64) {
        state.withLock { state in
            guard !state.isEnded else { return }
            state.inbox.cancellations.append(id)
        }
        wakeup.signal()
    }

    func close() {
        state.withLock { $0.inbox.isClosed = true }
        wakeup.signal()
    }

    /// Empties the inbox. For the resolver's thread.
    func drain() -> Inbox {
        state.withLock { state in
            let inbox = state.inbox
            state.inbox = Inbox(isClosed: inbox.isClosed)
            return inbox
        }
    }

    /// One request was answered.
    func answered() { state.withLock { $0.open -= 1 } }

    /// The thread ends; nothing is collected for it any more.
    func ended() { state.withLock { $0.isEnded = true } }
}

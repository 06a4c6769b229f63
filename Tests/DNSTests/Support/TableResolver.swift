import Platform
import Synchronization

@testable import DNS

/// Answers from a table; holds replies back when told to. Counts what is asked.
final class TableResolver: Resolving {
    private struct State {
        var answers: [String: Result<DNSAnswer, DNSError>] = [:]
        var held: [@Sendable () -> Void] = []
        var isHolding = false
        var asked: [String] = []
    }

    private let state = Mutex(State())

    func set(_ name: String, _ type: RecordType, _ records: [DNSRecord], ttl: Int = 60, status: DNSAnswer.Status? = nil) {
        let answer = DNSAnswer(
            name: name, type: type, status: status ?? (records.isEmpty ? .noData : .records), records: records, timeToLive: ttl)
        state.withLock { $0.answers["\(name) \(type)"] = .success(answer) }
    }

    /// The name does not exist; `ttl` as the zone's SOA says.
    func deny(_ name: String, _ type: RecordType, ttl: Int) {
        state.withLock {
            $0.answers["\(name) \(type)"] = .success(DNSAnswer(name: name, type: type, status: .noSuchName, timeToLive: ttl))
        }
    }

    func fail(_ name: String, _ type: RecordType, _ code: DNSError.Code) {
        state.withLock { $0.answers["\(name) \(type)"] = .failure(DNSError(code, "\(code)", remedy: "")) }
    }

    func hold() { state.withLock { $0.isHolding = true } }

    /// Gives the held replies; returns how many there were.
    @discardableResult
    func release(holdOn: Bool = false) -> Int {
        let held = state.withLock { state in
            defer { state.held = [] }
            state.isHolding = holdOn
            return state.held
        }
        for reply in held { reply() }
        return held.count
    }

    var asked: [String] { state.withLock { $0.asked } }

    func lookup(_ name: String, _ type: RecordType, timeout: Duration?, reply: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void) {
        let (answer, isHolding) = state.withLock { state in
            state.asked.append("\(name) \(type)")
            let answer = state.answers["\(name) \(type)"] ?? .success(DNSAnswer(name: name, type: type, status: .noSuchName))
            if state.isHolding { state.held.append { reply(answer) } }
            return (answer, state.isHolding)
        }
        if !isHolding { reply(answer) }
    }
}

/// A clock that moves when told to.
final class ManualClock: Sendable {
    private let nanoseconds = Atomic<Int64>(1_000)

    var now: MonotonicInstant { MonotonicInstant(nanoseconds: nanoseconds.load(ordering: .relaxed)) }

    func advance(seconds: Int64) { nanoseconds.wrappingAdd(seconds * 1_000_000_000, ordering: .relaxed) }
}

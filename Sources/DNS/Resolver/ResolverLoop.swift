import CUnbound
import Glibc
internal import Platform

/// What the resolver's thread does. Confined to that thread.
///
/// A lookup that timed out or was cancelled is answered at once, but keeps its place until unbound is done with it: unbound
/// goes on working, and only so its work stays bounded by `maxInFlight`.
final class ResolverLoop {
    private static let maximumAliases = 8
    /// Deadlines are looked at this often at most.
    private static let deadlineStep = Duration.milliseconds(10)

    /// One lookup. Confined to the resolver's thread; unbound holds one reference while it works.
    final class Query {
        let request: LookupRequest
        unowned let loop: ResolverLoop
        var name: String
        var aliases = 0
        var isAnswered = false

        init(_ request: LookupRequest, loop: ResolverLoop) {
            self.request = request
            self.loop = loop
            self.name = request.name
        }
    }

    private var context: OpaquePointer
    private let configuration: ResolverConfiguration
    private let clocks: Clocks
    /// How far the wall clock was from the steady one when they were last compared.
    private var clockOffset: Duration
    private let core: ResolverCore
    private let maxInFlight: Int
    private let servfail: Set<String>
    private let bogus: Set<String>
    private let localIsSecure: Bool

    /// Every lookup not yet answered.
    private var open: [UInt64: Query] = [:]
    /// What unbound works on, answered or not.
    private var atUnbound: [ObjectIdentifier: Query] = [:]
    private var waiting: [Query] = []
    private var waitingHead = 0
    private var nextDeadline = MonotonicInstant.distantFuture

    init(context: UnboundContext, configuration: ResolverConfiguration, core: ResolverCore, clocks: Clocks = .machine) {
        self.context = context.raw
        self.configuration = configuration
        self.clocks = clocks
        self.clockOffset = Self.offset(clocks)
        self.core = core
        self.maxInFlight = max(configuration.maxInFlight, 1)
        self.servfail = Set(configuration.servfail.compactMap(DomainName.normalize))
        self.bogus = Set(configuration.bogus.compactMap(DomainName.normalize))
        self.localIsSecure = configuration.localDataIsSecure && !configuration.localData.isEmpty
    }

    /// Has unbound make its own thread and event base now, by a question it answers by itself: made later, when the process may have no
    /// descriptors left, that ends the process.
    private func prime() {
        var id: Int32 = 0
        _ = ub_resolve_async(context, "localhost", 1, 1, nil, { _, _, result in ub_resolve_free(result) }, &id)
    }

    func run() {
        prime()
        while true {
            let inbox = core.drain()
            let now = MonotonicInstant.now()
            if !inbox.requests.isEmpty { renewAfterStep() }
            for request in inbox.requests { accept(request, now: now) }
            for id in inbox.cancellations {
                if let query = open[id] { answer(query, .failure(Self.cancelled)) }
            }
            if inbox.isClosed { break }
            startWaiting()
            if now >= nextDeadline { expire(now: now) }
            let limit = max((nextDeadline - .now()).clampedNanoseconds, 0)
            if core.wakeup.wait(or: ub_fd(context), nanoseconds: limit) { ub_process(context) }
        }
        finish()
    }

    /// How far the wall clock may move by itself between two looks.
    private static let drift = Duration.seconds(1)

    private static func offset(_ clocks: Clocks) -> Duration {
        .nanoseconds(clocks.wallNow.unixNanoseconds.subtractingClamped(clocks.now.nanoseconds))
    }

    /// Begins with an empty cache when the wall clock was set: unbound ages what it remembers by that clock, and what should be kept for a
    /// minute would be kept for as long as the clock was set back. What it was working on is asked again.
    private func renewAfterStep() {
        let offset = Self.offset(clocks)
        let step = offset - clockOffset
        clockOffset = offset
        guard step > Self.drift || step < .zero - Self.drift else { return }
        // Without memory or descriptors for another one the old one goes on.
        guard let fresh = try? UnboundContext(configuration) else { return }
        let interrupted = Array(atUnbound.values)
        ub_ctx_delete(context)
        context = fresh.raw
        for query in interrupted { Unmanaged.passUnretained(query).release() }
        atUnbound.removeAll()
        for query in interrupted where !query.isAnswered {
            query.name = query.request.name
            query.aliases = 0
            start(query)
        }
    }

    private func finish() {
        for query in Array(open.values) { answer(query, .failure(Self.closed)) }
        for request in core.drain().requests { request.reply(.failure(Self.closed)) }
        core.ended()
        // Ends unbound's own thread and forgets its queries without calling back, so their references are ours to drop.
        ub_ctx_delete(context)
        for query in atUnbound.values { Unmanaged.passUnretained(query).release() }
        atUnbound.removeAll()
    }

    private func accept(_ request: LookupRequest, now: MonotonicInstant) {
        let query = Query(request, loop: self)
        open[request.id] = query
        nextDeadline = min(nextDeadline, max(request.deadline, now + Self.deadlineStep))
        waiting.append(query)
    }

    private func startWaiting() {
        while waitingHead < waiting.count, atUnbound.count < maxInFlight {
            let query = waiting[waitingHead]
            waitingHead += 1
            if !query.isAnswered { start(query) }
        }
        if waitingHead == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            waitingHead = 0
        } else if waitingHead > 1_024, waitingHead * 2 > waiting.count {
            waiting.removeFirst(waitingHead)
            waitingHead = 0
        }
    }

    private func start(_ query: Query) {
        guard !servfail.contains(query.name) else { return answer(query, .failure(Self.serverFailure(query.name, 2))) }
        guard !bogus.contains(query.name) else { return answer(query, .failure(Self.bogus(query.name, "test data"))) }
        let reference = Unmanaged.passRetained(query)
        var id: Int32 = 0
        let status = ub_resolve_async(
            context, query.name, Int32(query.request.type.rawValue), 1, reference.toOpaque(),
            { argument, status, result in
                defer { ub_resolve_free(result) }
                guard let argument else { return }
                let query = Unmanaged<Query>.fromOpaque(argument).takeRetainedValue()
                query.loop.completed(query, status: status, result: result?.pointee)
            }, &id)
        guard status == 0 else {
            reference.release()
            return answer(query, .failure(Self.failure(query.name, status)))
        }
        atUnbound[ObjectIdentifier(query)] = query
    }

    private func completed(_ query: Query, status: Int32, result: ub_result?) {
        atUnbound[ObjectIdentifier(query)] = nil
        guard !query.isAnswered else { return }
        guard status == 0, let result else { return answer(query, .failure(Self.failure(query.name, status))) }
        guard result.bogus == 0 else {
            let reason = result.why_bogus.map { String(cString: $0) } ?? "validation failed"
            return answer(query, .failure(Self.bogus(query.name, reason)))
        }
        let code = result.rcode
        guard code == 0 || code == 3 else { return answer(query, .failure(Self.serverFailure(query.name, code))) }
        let canonical = result.canonname.flatMap { DomainName.normalize(String(cString: $0)) }
        // Local data answers with the bare CNAME; the rest of the chain is ours to follow.
        if result.havedata == 0, code == 0, let canonical, canonical != query.name, query.request.type != .cname,
            query.aliases < Self.maximumAliases
        {
            query.name = canonical
            query.aliases += 1
            return start(query)
        }
        answer(query, .success(read(result, query: query, canonical: canonical)))
    }

    private func read(_ result: ub_result, query: Query, canonical: String?) -> DNSAnswer {
        var answer = DNSAnswer(
            name: query.request.name, type: query.request.type,
            status: result.havedata != 0 ? .records : result.nxdomain != 0 ? .noSuchName : .noData,
            canonicalName: canonical ?? query.name, timeToLive: max(Int(result.ttl), 0),
            isSecure: result.secure != 0 || localIsSecure)
        guard result.havedata != 0, let data = result.data, let lengths = result.len else { return answer }
        var index = 0
        while let item = data[index] {
            let bytes = UnsafeRawBufferPointer(start: item, count: max(Int(lengths[index]), 0))
            if let record = DNSRecord.decode(query.request.type, bytes) {
                answer.records.append(record)
            } else {
                answer.malformed += 1
            }
            index += 1
        }
        return answer
    }

    private func expire(now: MonotonicInstant) {
        nextDeadline = .distantFuture
        for query in Array(open.values) {
            if query.request.deadline <= now {
                answer(query, .failure(Self.timedOut(query.request.name, query.request.type)))
            } else {
                nextDeadline = min(nextDeadline, max(query.request.deadline, now + Self.deadlineStep))
            }
        }
    }

    private func answer(_ query: Query, _ result: Result<DNSAnswer, DNSError>) {
        guard !query.isAnswered else { return }
        query.isAnswered = true
        open[query.request.id] = nil
        core.answered()
        query.request.reply(result)
    }

    private static let closed = DNSError(.closed, "the resolver is closed", remedy: "none: the process is stopping")
    private static let cancelled = DNSError(.cancelled, "the lookup was cancelled", remedy: "none")

    private static func timedOut(_ name: String, _ type: RecordType) -> DNSError {
        DNSError(.timedOut, "DNS lookup of \(name) \(type) timed out", remedy: "check that the DNS servers answer")
    }

    private static func serverFailure(_ name: String, _ code: Int32) -> DNSError {
        let text =
            switch code {
            case 2: "SERVFAIL"
            case 5: "REFUSED"
            default: "response code \(code)"
            }
        return DNSError(.serverFailure, "DNS lookup of \(name) failed: \(text)", remedy: "check the servers of the domain")
    }

    private static func bogus(_ name: String, _ reason: String) -> DNSError {
        DNSError(.bogus, "DNS answer for \(name) failed DNSSEC validation: \(reason)", remedy: "the domain's owner must repair it")
    }

    private static func failure(_ name: String, _ status: Int32) -> DNSError {
        let reason = ub_strerror(status).map { String(cString: $0) } ?? "error \(status)"
        return DNSError(.serverFailure, "DNS lookup of \(name) failed: \(reason)", remedy: "check the DNS servers")
    }
}

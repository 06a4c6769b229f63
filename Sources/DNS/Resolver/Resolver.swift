package import Platform
internal import Synchronization

/// A caching, optionally validating resolver on libunbound, with a thread of its own. *Shared.*
///
/// Lookups are exact: no search list. CNAMEs are followed. `reply` runs on the resolver's thread and must be quick.
///
/// *Diagnostics*: failures are `DNSError` values; nothing is retried here beyond what unbound does in the time allowed.
package final class Resolver: Resolving {
    /// Names a lookup for `cancel`.
    package struct Ticket: Sendable, Hashable {
        let id: UInt64
    }

    private let core: ResolverCore
    private let thread: WorkerThread
    private let timeout: Duration
    private let nextID = Atomic<UInt64>(0)
    private let isJoined = Atomic<Bool>(false)

    /// Configures unbound and starts the thread. No query is sent before the first lookup.
    package init(_ configuration: ResolverConfiguration, clocks: Clocks = .machine) throws(DNSError) {
        let context = try UnboundContext(configuration)
        do throws(ThreadShortage) {
            let core = try ResolverCore(limit: max(configuration.maxInFlight, 1) + max(configuration.maxWaiting, 0))
            self.core = core
            self.timeout = configuration.timeout
            self.thread = try WorkerThread(name: "dns") {
                ResolverLoop(context: context, configuration: configuration, core: core, clocks: clocks).run()
            }
        } catch {
            context.discard()
            throw DNSError(.resourcesExhausted, error.message, remedy: error.remedy)
        }
    }

    deinit { close() }

    /// Looks `name` up and calls `reply` exactly once.
    @discardableResult
    package func lookup(
        _ name: String, _ type: RecordType, reply: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void
    ) -> Ticket {
        start(name, type, timeout: timeout, ticket: makeTicket(), reply: reply)
    }

    package func lookup(
        _ name: String, _ type: RecordType, timeout: Duration?,
        reply: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void
    ) {
        start(name, type, timeout: timeout ?? self.timeout, ticket: makeTicket(), reply: reply)
    }

    /// Looks `name` up. Cancelling the task cancels the lookup.
    package func lookup(_ name: String, _ type: RecordType) async throws(DNSError) -> DNSAnswer {
        let ticket = makeTicket()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<DNSAnswer, DNSError>, Never>) in
                start(name, type, timeout: timeout, ticket: ticket) { continuation.resume(returning: $0) }
                // Had the task been cancelled before the start, the handler found nothing to cancel.
                if Task.isCancelled { cancel(ticket) }
            }
        } onCancel: {
            cancel(ticket)
        }
        return try result.get()
    }

    /// Ends a lookup with `DNSError.Code.cancelled`, unless it has ended already.
    package func cancel(_ ticket: Ticket) { core.cancel(ticket.id) }

    /// Ends all lookups with `DNSError.Code.closed` and the thread. Blocks for a moment; later lookups fail at once.
    package func close() {
        core.close()
        guard isJoined.exchange(true, ordering: .acquiringAndReleasing) == false else { return }
        // A reply may drop the last reference, on the resolver's own thread.
        if thread.isCurrent { thread.detach() } else { thread.join() }
    }

    private func makeTicket() -> Ticket {
        Ticket(id: nextID.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    @discardableResult
    private func start(
        _ name: String, _ type: RecordType, timeout: Duration, ticket: Ticket,
        reply: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void
    ) -> Ticket {
        guard let name = DomainName.normalize(name) else {
            reply(.failure(DNSError(.invalidName, "not a domain name", remedy: "check the address")))
            return ticket
        }
        let request = LookupRequest(
            id: ticket.id, name: name, type: type, deadline: .now() + timeout, reply: reply)
        if let refusal = core.submit(request) { reply(.failure(refusal)) }
        return ticket
    }
}

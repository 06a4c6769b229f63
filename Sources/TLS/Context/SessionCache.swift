internal import COpenSSL
internal import DequeModule
internal import Synchronization

/// Sessions that may be gone on with, by what was asked of their server. *Shared.*
///
/// Each is used once (RFC 8446, C.4: a ticket seen twice tells an eavesdropper that both connections are one client's), so that a few are kept
/// per server. The oldest goes when there are too many.
final class SessionCache: Sendable {
    private struct Entry {
        let number: UInt64
        let session: SessionHandle
    }

    private struct Table: ~Copyable {
        var entries: [ServerDemand: Deque<Entry>] = [:]
        /// Whose session came when; one per session, also of those used since.
        var order: Deque<(number: UInt64, demand: ServerDemand)> = []
        var count = 0
        var next: UInt64 = 0

        mutating func removeFirst(of demand: ServerDemand) {
            guard entries[demand]?.popFirst() != nil else { return }
            if entries[demand]?.isEmpty == true { entries[demand] = nil }
            count -= 1
        }
    }

    private let table = Mutex(Table())
    private let capacity: Int
    private static let perServer = 4

    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// How many are kept.
    var count: Int { table.withLock { $0.count } }

    /// A session for that demand, which is forgotten here.
    func take(_ demand: ServerDemand) -> SessionHandle? {
        table.withLock { table in
            guard let entry = table.entries[demand]?.popLast() else { return nil }
            if table.entries[demand]?.isEmpty == true { table.entries[demand] = nil }
            table.count -= 1
            return entry.session
        }
    }

    /// Keeps a session.
    func keep(_ session: SessionHandle, for demand: ServerDemand) {
        table.withLock { table in
            if table.entries[demand, default: []].count >= Self.perServer { table.removeFirst(of: demand) }
            table.next += 1
            table.entries[demand, default: []].append(Entry(number: table.next, session: session))
            table.order.append((table.next, demand))
            table.count += 1
            // What was used since is only a number here, and goes when there are many.
            while table.count > capacity || table.order.count > 4 * capacity, let oldest = table.order.popFirst() {
                if table.entries[oldest.demand]?.first?.number == oldest.number { table.removeFirst(of: oldest.demand) }
            }
        }
    }
}

/// A session of OpenSSL, counted. *Shared.*
final class SessionHandle: @unchecked Sendable {  // a session that is complete is not changed any more
    let pointer: OpaquePointer

    /// Takes over the session.
    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_SESSION_free(pointer) }
}

/// Where the sessions of one connection go. *Shared.*
final class SessionPlace: Sendable {
    private let cache: SessionCache
    private let demand: ServerDemand

    init(_ cache: SessionCache, _ demand: ServerDemand) {
        self.cache = cache
        self.demand = demand
    }

    func take() -> SessionHandle? { cache.take(demand) }

    /// Takes the session over.
    func keep(_ session: OpaquePointer) { cache.keep(SessionHandle(session), for: demand) }
}

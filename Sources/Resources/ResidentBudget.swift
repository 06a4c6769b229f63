import SMTP
import Synchronization

/// *Shared*: how many bytes the node keeps in memory for others: queued content, and everything a client makes us hold, from its first byte.
///
/// Content over the budget stays on disk and is read back for its attempt; messages on their way in are streamed to the spool; far over it,
/// intake answers 4xx.
package final class ResidentBudget: Sendable {
    /// *Value*: for whom bytes are kept.
    package enum Use: String, Sendable, CaseIterable {
        /// Content of messages in queues.
        case queued
        /// Messages being received, commands, unread replies, envelopes.
        case smtp
        /// Requests being received or worked on, unread answers.
        case http
    }

    /// The budget in bytes.
    package let limit: Int
    private let queued = Atomic<Int>(0)
    private let smtp = Atomic<Int>(0)
    private let http = Atomic<Int>(0)

    /// - Parameter limit: bytes.
    package init(limit: Int) { self.limit = limit }

    /// Bytes of queued content held now.
    package var bytes: Int { bytes(.queued) }
    /// Bytes held now for everybody.
    package var total: Int { bytes(.queued) + arriving }
    /// Whether another content may become resident.
    package var hasRoom: Bool { total < limit }
    /// Whether what arrives should go to disk as soon as it can.
    package var isTight: Bool { arriving >= limit / 4 || total >= limit }
    /// Whether intake should stop: what is held is more than the budget by half.
    package var isExhausted: Bool { total > limit + limit / 2 }

    private var arriving: Int { bytes(.smtp) + bytes(.http) }

    /// Whether so many bytes more leave intake open.
    package func hasRoom(for bytes: Int) -> Bool { total + bytes <= limit + limit / 2 }

    /// Bytes held now for that use.
    package func bytes(_ use: Use) -> Int {
        switch use {
        case .queued: queued.load(ordering: .relaxed)
        case .smtp: smtp.load(ordering: .relaxed)
        case .http: http.load(ordering: .relaxed)
        }
    }

    /// Content of a queued message comes into memory.
    package func add(_ bytes: Int) { change(.queued, by: bytes) }
    /// It leaves memory.
    package func remove(_ bytes: Int) { change(.queued, by: -bytes) }

    /// Takes bytes, or gives them back when negative. Who takes gives back exactly as much.
    package func change(_ use: Use, by bytes: Int) {
        switch use {
        case .queued: queued.wrappingAdd(bytes, ordering: .relaxed)
        case .smtp: smtp.wrappingAdd(bytes, ordering: .relaxed)
        case .http: http.wrappingAdd(bytes, ordering: .relaxed)
        }
    }
}

extension ResidentBudget: ServerBudget {
    /// Takes or gives back what a session holds.
    package func change(by bytes: Int) { change(.smtp, by: bytes) }
}

package import Message

/// What a queue needs to take up a message after a restart. *value*. Equal queue names share their storage.
package struct RecoveredMessage: Sendable {
    /// Where it is kept.
    package var handle: SpoolHandle
    /// The message id.
    package let id: MessageID
    /// The name of its scheduled queue.
    package var queue: String
    /// When it is tried next, Unix nanoseconds.
    package var due: Int64
    /// Attempts so far.
    package var attempts: Int
    /// When it came, Unix nanoseconds.
    package let created: Int64
    /// When it expires, Unix nanoseconds; 0 when its queue decides.
    package let expires: Int64
    /// Bytes of header block and body.
    package let size: Int
    /// The last negative reply.
    package var lastReply: String?
}

/// What recovery found. *value*.
package struct RecoverySummary: Sendable, Equatable {
    /// Segments that were read.
    package var segments = 0
    /// Messages that were found.
    package var messages = 0
    /// Records that did not verify; each is kept in `corrupt/`.
    package var corruptRecords = 0
    /// Files of the spool directory that were missing, replaced, cut or out of place.
    package var damagedFiles = 0
    /// Unfinished writes at the end of the newest segment: never acknowledged, kept in `corrupt/` too.
    package var tornTails = 0
    /// Live messages whose shared body is incomplete; reading them answers `.corrupt`.
    package var damagedBodies = 0
    /// Bodies that nothing refers to, dropped.
    package var orphanBodies = 0
    /// Records that verified.
    package var records = 0
    /// Copies of messages found finished or superseded.
    package var finished = 0
    /// Bytes that were read.
    package var bytesScanned = 0
    /// How long it took.
    package var nanoseconds: Int64 = 0

    /// Nothing read yet.
    package init() {}
}

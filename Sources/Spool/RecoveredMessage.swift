package import Message

/// What a queue needs to take up a message after a restart. *value*. Equal queue names share their storage.
package struct RecoveredMessage: Sendable {
    package var handle: SpoolHandle
    package let id: MessageID
    package var queue: String
    package var due: Int64
    package var attempts: Int
    package let created: Int64
    package let expires: Int64
    /// Bytes of header block and body.
    package let size: Int
    package var lastReply: String?
}

/// What recovery found. *value*.
package struct RecoverySummary: Sendable, Equatable {
    package var segments = 0
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
    package var bytesScanned = 0
    package var nanoseconds: Int64 = 0

    package init() {}
}

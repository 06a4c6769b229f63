import Message
import NIOCore

/// What waits for the writer. *value*.
enum SpoolCommand: Sendable {
    case append([SpoolDraft], Durability, ticket: UInt64, any SpoolMailbox)
    /// An append that was refused before it reached the writer; answered from its thread like the others.
    case refuse(SpoolError, ticket: UInt64, any SpoolMailbox)
    case chunk(MessageID, sequence: Int, ByteBuffer, ticket: UInt64, any SpoolMailbox)
    case abandon(MessageID)
    /// Answered when the commit it came with is made.
    case barrier(ticket: UInt64, any SpoolMailbox)
    /// Writes every draft that is in memory only, and keeps none there from now on; answered like a barrier.
    case writeDrafts(ticket: UInt64, any SpoolMailbox)
    case update(SpoolHandle, UpdateRecord)
    case done(SpoolHandle)
    /// Recovery found a copy of a finished message that its done mark does not name.
    case mark(MessageID, targets: [UInt32])
}

/// What becomes true once the records of a run are on disk. *value*.
enum SpoolEffect {
    case message(open: Int, MessageID, Location, body: MessageID?)
    case materialize(SpoolHandle, Location, body: MessageID?)
    case chunk(open: Int, MessageID, ChunkPlace)
    case update(SpoolHandle, Location, carries: Bool)
    case done(SpoolHandle, targets: [UInt32])
    case mark(targets: [UInt32])
    case moveMessage(SpoolHandle, Location)
    case moveUpdate(SpoolHandle, Location, carries: Bool)
    case moveChunk(MessageID, sequence: Int, Location)
    case moveMark(from: UInt32, targets: [UInt32])
}

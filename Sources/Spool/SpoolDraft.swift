package import Message
package import NIOCore

/// A message that asks to be kept. *value*.
package struct SpoolDraft: Sendable {
    package var id: MessageID
    package var envelope: SpoolEnvelope
    /// The header block with its empty line.
    package var headers: ByteBuffer
    package var body: SpoolBody

    package init(id: MessageID, envelope: SpoolEnvelope, headers: ByteBuffer, body: SpoolBody) {
        self.id = id
        self.envelope = envelope
        self.headers = headers
        self.body = body
    }

    /// About how many bytes wait for the writer because of this draft.
    var weight: Int {
        var weight = 256 + headers.readableBytes + envelope.sender.utf8.count + envelope.queue.utf8.count
        for recipient in envelope.recipients { weight += recipient.utf8.count + 4 }
        for (key, value) in envelope.meta { weight += key.utf8.count + value.utf8.count + 8 }
        switch body {
        case .inline(let bytes), .inlineShared(_, let bytes): weight += bytes.readableBytes
        case .shared: break
        }
        return weight
    }
}

/// Where the body of a message is. *value*.
package enum SpoolBody: Sendable {
    /// The bytes themselves, stored in the message's own record.
    case inline(ByteBuffer)
    /// A body that is already in the spool (`appendChunk`, or an earlier `inlineShared`).
    case shared(BodyReference)
    /// The bytes of a body that several drafts share: written once per id when larger than 4 KiB.
    case inlineShared(MessageID, ByteBuffer)
}

/// Names a body that several messages may share. *value*.
package struct BodyReference: Sendable, Hashable {
    package var id: MessageID
    /// Bytes of the whole body.
    package var length: Int

    package init(id: MessageID, length: Int) {
        self.id = id
        self.length = length
    }
}

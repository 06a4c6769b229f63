package import Message
package import NIOCore

/// A message that asks to be kept. *value*.
package struct SpoolDraft: Sendable {
    /// The id of the message or of the body.
    package var id: MessageID
    /// Who it is from and for.
    package var envelope: SpoolEnvelope
    /// The header block with its empty line.
    package var headers: ByteBuffer
    /// The body, in memory or streamed before.
    package var body: SpoolBody

    /// A message that is to be kept.
    package init(id: MessageID, envelope: SpoolEnvelope, headers: ByteBuffer, body: SpoolBody) {
        self.id = id
        self.envelope = envelope
        self.headers = headers
        self.body = body
    }

    /// About how many bytes wait for the writer because of these drafts of one transaction: a body they share counts once.
    static func weight(of drafts: [SpoolDraft]) -> Int {
        var weight = 0
        var counted: Set<MessageID> = []
        for draft in drafts {
            weight += draft.weightWithoutBody
            switch draft.body {
            case .inline(let bytes): weight += bytes.readableBytes
            case .inlineShared(let id, let bytes): if counted.insert(id).inserted { weight += bytes.readableBytes }
            case .shared: break
            }
        }
        return weight
    }

    /// The same drafts, where those whose bodies are one buffer share it: it is written once, not once for each.
    package static func sharing(_ drafts: [SpoolDraft]) -> [SpoolDraft] {
        guard drafts.count > 1 else { return drafts }
        var drafts = drafts
        var first: [UnsafeRawPointer: Int] = [:]
        for index in drafts.indices {
            guard case .inline(let bytes) = drafts[index].body, bytes.readableBytes > 4096,
                let base = bytes.withUnsafeReadableBytes({ $0.baseAddress })
            else { continue }
            // All of them live: who begins at the same byte is the same buffer.
            guard let earlier = first[base] else {
                first[base] = index
                continue
            }
            let id = drafts[earlier].id
            switch drafts[earlier].body {
            case .inline(let same) where same.readableBytes == bytes.readableBytes:
                drafts[earlier].body = .inlineShared(id, same)
                drafts[index].body = .inlineShared(id, same)
            case .inlineShared(_, let same) where same.readableBytes == bytes.readableBytes:
                drafts[index].body = .inlineShared(id, same)
            case .inline, .inlineShared, .shared: break
            }
        }
        return drafts
    }

    /// About how many bytes wait for the writer because of this draft.
    var weight: Int {
        switch body {
        case .inline(let bytes), .inlineShared(_, let bytes): weightWithoutBody + bytes.readableBytes
        case .shared: weightWithoutBody
        }
    }

    var weightWithoutBody: Int {
        var weight = 256 + headers.readableBytes + envelope.sender.utf8.count + envelope.queue.utf8.count
        for recipient in envelope.recipients { weight += recipient.utf8.count + 4 }
        for (key, value) in envelope.meta { weight += key.utf8.count + value.utf8.count + 8 }
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
    /// The id of the message.
    package var id: MessageID
    /// Bytes of the whole body.
    package var length: Int

    /// The body of that id, so many bytes long.
    package init(id: MessageID, length: Int) {
        self.id = id
        self.length = length
    }
}

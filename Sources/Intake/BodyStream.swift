package import Delivery
package import Message
package import NIOCore
package import Spool

/// *Loop-confined*: a large body on its way into the spool, piece by piece: a 100 MB message never sits whole in memory.
package final class BodyStream {
    /// The header section, which must have been complete in the part held in memory.
    package let headers: ByteBuffer
    /// What stands between trace headers and the content.
    let seam: ContentHead.Seam
    private let id: MessageID
    private let ground: ShardGround
    private var head: ByteBuffer?
    private var sequence = 0
    /// Bytes of the body so far.
    package private(set) var length = 0
    private var isFinished = false

    /// `nil` when the header block does not end within `head`.
    package init?(head: ByteBuffer, id: MessageID, ground: ShardGround) {
        var rest = head
        let shape = head.withUnsafeReadableBytes { ContentHead($0, isWhole: false) }
        guard shape.isComplete, let headers = rest.readSlice(length: shape.length) else { return nil }
        // A copy: a slice would keep the whole of `head` in memory until the message is complete.
        self.headers = ByteBuffer(bytes: headers.readableBytesView)
        seam = shape.seam
        self.head = rest
        self.id = id
        self.ground = ground
    }

    /// Appends a piece; `completion` gets the spool's error text, or `nil`.
    package func append(_ piece: ByteBuffer, completion: @escaping (String?) -> Void) {
        var bytes = piece
        if var first = head {  // what was held back goes first
            head = nil
            first.writeImmutableBuffer(piece)
            bytes = first
        }
        length += bytes.readableBytes
        sequence += 1
        ground.appendChunk(id, sequence: sequence - 1, bytes: bytes) { result in
            switch result {
            case .success: completion(nil)
            case .failure(let error): completion("\(error)")
            }
        }
    }

    /// The reference that message records carry.
    package func finish() -> BodyReference {
        isFinished = true
        return BodyReference(id: id, length: length)
    }

    /// The message will not be completed: the spool may forget the pieces.
    func abandon() { ground.services.spool.abandon(body: id) }
}

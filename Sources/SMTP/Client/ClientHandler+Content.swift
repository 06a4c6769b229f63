import NIOCore

extension ClientHandler {
    /// Content on its way to the server. *Value.*
    struct Outgoing {
        /// Bytes of the body already written.
        var offset = 0
        /// For DATA; nil for BDAT, which sends content as it is.
        var stuffer: DotStuffer?
        /// A piece was asked for and has not come.
        var isPulling = false
        /// `pump` is running further down the stack.
        var isPumping = false
    }

    /// Content that is written in one go. Above it the socket's pace is respected. Not below what BDAT sends along with the envelope.
    static let directLimit = ClientSession.bdatInBatchLimit
    private static let pieceSize = 256 << 10

    /// Starts to write headers and body, and the end mark for DATA.
    func startContent(of transaction: ClientTransaction, stuffed: Bool) {
        outgoing = Outgoing(stuffer: stuffed ? DotStuffer() : nil)
        writeContent(transaction.headers)
        if case .inline(let body) = transaction.body, transaction.size <= Self.directLimit {
            writeContent(body)
            endContent()
        } else {
            pump()
        }
    }

    /// Writes as much of the body as the socket takes.
    func pump() {
        // Writability may change while this runs; the loop looks at it again, so the nested call has nothing to do.
        guard !outgoing.isPumping, let context else { return }
        outgoing.isPumping = true
        while let transaction = current, machine.isSendingContent, !outgoing.isPulling {
            let length = transaction.body.length
            guard outgoing.offset < length else {
                endContent()
                break
            }
            if !context.channel.isWritable {
                flush()
                guard context.channel.isWritable else { break }
                continue
            }
            switch transaction.body {
            case .inline(let body):
                let size = min(Self.pieceSize, length - outgoing.offset)
                guard let piece = body.getSlice(at: body.readerIndex + outgoing.offset, length: size) else {
                    preconditionFailure("a slice outside its buffer")
                }
                writeContent(piece)
                outgoing.offset += size
            case .streamed(_, let pull):
                outgoing.isPulling = true
                let loop = context.eventLoop
                let bound = NIOLoopBound(self, eventLoop: loop)
                pull(outgoing.offset) { result in
                    if loop.inEventLoop {
                        bound.value.pulled(result, of: transaction)
                    } else {
                        loop.execute { bound.value.pulled(result, of: transaction) }
                    }
                }
            }
        }
        outgoing.isPumping = false
        finishEvent()
    }

    private func pulled(_ result: Result<ByteBuffer, any Error>, of transaction: ClientTransaction) {
        // The transaction may have failed meanwhile.
        guard current === transaction, machine.isSendingContent, outgoing.isPulling else { return }
        outgoing.isPulling = false
        switch result {
        case .failure(let error): contentFailed("the message body could not be read (\(error))")
        case .success(let piece):
            let size = piece.readableBytes
            // BDAT has promised the length, and SIZE too.
            guard size > 0, outgoing.offset + size <= transaction.body.length else {
                return contentFailed("the message body is not as long as was said")
            }
            writeContent(piece)
            outgoing.offset += size
            pump()
        }
    }

    private func endContent() {
        if let stuffer = outgoing.stuffer { write(stuffer.terminator) }
        outgoing.stuffer = nil
        machine.contentSent()
        lookAhead()
    }

    private func writeContent(_ piece: ByteBuffer) {
        guard piece.readableBytes > 0 else { return }
        guard outgoing.stuffer != nil, let allocator = context?.channel.allocator else { return write(piece) }
        if let stuffed = outgoing.stuffer?.stuff(piece, allocator: allocator) { write(stuffed) }
    }
}

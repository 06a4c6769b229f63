import Glibc
import Message
import NIOCore

extension ServerSession {
    private enum Line {
        case incomplete
        case complete(length: Int, CommandLine)
    }

    /// Reads one command line, if it is there. True if anything happened.
    func readCommand() -> Bool {
        guard input.readableBytes > 0 else { return false }
        let limit = configuration.maxCommandLine
        let line = input.withUnsafeReadableBytes { Self.findLine(in: $0, from: scanned, limit: limit, isDropping: isDroppingLine) }
        switch line {
        case .complete(let length, let commandLine):
            if !isDroppingLine { keepLine(length: length > limit ? Self.longLinePart : length) }
            input.moveReaderIndex(forwardBy: length)
            scanned = 0
            isDroppingLine = false
            clock.lineEnded()
            switch commandLine {
            case .command(let command): run(machine.command(command))
            case .fault(let reply, let isFatal): run(machine.malformed(reply, isFatal: isFatal, step: verbOfLine))
            }
            return true
        case .incomplete:
            clock.lineBegan()
            if isDroppingLine || input.readableBytes >= limit {
                if !isDroppingLine { keepLine(length: Self.longLinePart) }
                isDroppingLine = true
                input = ByteBuffer()
                scanned = 0
            } else {
                scanned = input.readableBytes
            }
            return false
        }
    }

    private static func findLine(in bytes: UnsafeRawBufferPointer, from scanned: Int, limit: Int, isDropping: Bool) -> Line {
        guard let base = bytes.baseAddress,
            let feed = memchr(base + scanned, Int32(UInt8(ascii: "\n")), bytes.count - scanned)
        else { return .incomplete }
        let end = UnsafeRawPointer(feed) - base
        let length = end + 1
        guard !isDropping, length <= limit else { return .complete(length: length, .fault(.lineTooLong, isFatal: false)) }
        // A lone LF ends a command line only in the sense that it is refused as one: nothing behind it is lost, nothing
        // before it is obeyed.
        guard end > 0, bytes[end - 1] == UInt8(ascii: "\r") else {
            return .complete(length: length, .fault(.bareLineFeed, isFatal: false))
        }
        return .complete(length: length, Command.parse(UnsafeRawBufferPointer(rebasing: bytes[..<(end - 1)])))
    }

    /// Keeps the line that is about to be obeyed or refused: a record of its refusal shows it. Copied, so that no input is held for it.
    private func keepLine(length: Int) {
        keptLine.clear()
        input.withUnsafeReadableBytes { bytes in _ = keptLine.writeBytes(UnsafeRawBufferPointer(rebasing: bytes.prefix(length))) }
    }

    /// What a record shows of a line that is too long; however it was cut into reads.
    private static var longLinePart: Int { 256 }

    /// The line that was read last, as a log may show it: printable, without its end, and nothing that follows AUTH.
    var lineText: String {
        keptLine.withUnsafeReadableBytes { line in
            if UnsafeRawBufferPointer(rebasing: line.prefix(4)).equalsFolded("AUTH") { return "AUTH" }
            var end = line.count
            if end > 0, line[end - 1] == UInt8(ascii: "\n") { end -= 1 }
            if end > 0, line[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            let printable = line[..<end].map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }
            return String(decoding: printable, as: UTF8.self)
        }
    }

    /// The first word of the line that was read last, for the few verbs that say what a faulty line was about.
    private var verbOfLine: String {
        keptLine.withUnsafeReadableBytes { line in
            UnsafeRawBufferPointer(rebasing: line.prefix(4)).equalsFolded("RCPT") ? "RCPT" : "COMMAND"
        }
    }

    /// Reads content, as much as there is up to a limit. True if anything happened.
    func readContent() -> Bool {
        switch machine.transfer {
        case .data: return readData()
        case .chunk(let isLast): return readChunk(isLast: isLast)
        case nil: return skipChunk()
        }
    }

    private func readData() -> Bool {
        guard input.readableBytes > 0 else { return false }
        let (consumed, ended) = input.withUnsafeReadableBytes { bytes in
            reader.feedData(UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.scanLimit)))
        }
        input.moveReaderIndex(forwardBy: consumed)
        contentRead(atEnd: ended)
        return true
    }

    private func readChunk(isLast: Bool) -> Bool {
        guard chunkRemaining > 0 else {
            if isLast { reader.finishChunks() }
            contentRead(atEnd: true)
            return true
        }
        let count = min(chunkRemaining, input.readableBytes, Self.scanLimit)
        guard count > 0 else { return false }
        input.withUnsafeReadableBytes { bytes in
            reader.feedChunk(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
        }
        input.moveReaderIndex(forwardBy: count)
        chunkRemaining -= count
        if chunkRemaining > 0 { contentRead(atEnd: false) }
        return true
    }

    private func skipChunk() -> Bool {
        guard chunkRemaining > 0 else {
            run(machine.contentEnded(nil))
            return true
        }
        let count = min(chunkRemaining, input.readableBytes)
        guard count > 0 else { return false }
        input.moveReaderIndex(forwardBy: count)
        chunkRemaining -= count
        return true
    }

    /// Content was read: hand over a piece of a large message, or end the transfer.
    private func contentRead(atEnd: Bool) {
        clock.progress(reader.received)
        if reader.fault == nil, reader.content.readableBytes >= configuration.tightThreshold, configuration.budget?.isExhausted == true {
            reader.refuse(FixedReply.loadShedding.reply)  // frees what was read so far
        }
        if let fault = reader.fault {
            abandonStream()
            if atEnd { run(machine.contentEnded(fault)) }
            return
        }
        if streamedHead == nil, !atEnd, shouldStream(reader.content.readableBytes) {
            streamedHead = reader.take()
        } else if streamedHead != nil, reader.content.readableBytes >= (atEnd ? 1 : streamPiece) {
            run(machine.pieceReady(atEnd: atEnd))
            return
        }
        if atEnd { run(machine.contentEnded(nil)) }
    }

    /// Whether a message of that many octets so far goes on piece by piece. While memory is tight it does as soon as its header is complete:
    /// the header has to be in one piece.
    private func shouldStream(_ count: Int) -> Bool {
        if count > configuration.streamThreshold { return true }
        guard count >= nextStreamCheck, configuration.budget?.isTight == true else { return false }
        nextStreamCheck = count * 2  // so that a header which grows and grows is not searched at each read
        return reader.content.withUnsafeReadableBytes { HeaderBlock.length(of: $0) } < count
    }

    private var streamPiece: Int {
        configuration.budget?.isTight == true ? min(configuration.tightThreshold, configuration.streamPiece) : configuration.streamPiece
    }
}

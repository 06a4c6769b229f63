import Glibc
import NIOCore

/// *Value*: bytes of a client that the decoder has not seen yet, cut so that it sees at most one request head at a time.
struct RequestBytes {
    private var bytes = ByteBuffer()
    /// Bytes known not to hold the end of a head.
    private var scanned = 0
    /// The decoder has the beginning of a head.
    private var isWithinHead = false

    /// A head that is longer is handed on in parts; the decoder refuses it at its own limit.
    package static let limit = 16 * 1024
    /// A chunked body is cut at empty lines too, since the next request may follow one, but not into crumbs.
    private static let least = 512

    /// Whether nothing has come.
    package var isEmpty: Bool { bytes.readableBytes == 0 }
    /// Bytes so far.
    package var count: Int { bytes.readableBytes }
    var storage: Int { bytes.storageCapacity }

    /// Adds a piece.
    package mutating func append(_ piece: ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = piece
            scanned = 0
        } else {
            if bytes.readerIndex > bytes.readableBytes { bytes.discardReadBytes() }
            bytes.writeImmutableBuffer(piece)
        }
    }

    mutating func removeAll() {
        bytes = ByteBuffer()
        scanned = 0
    }

    /// Bytes up to the end of the next head, or a part of a head that is too long to wait for; `nil` when more must come first.
    mutating func nextHead() -> ByteBuffer? {
        if !isWithinHead { skipEmptyLines() }
        guard !isEmpty else { return nil }
        if let end = endOfHead(from: scanned) {
            isWithinHead = false
            return take(end)
        }
        scanned = max(0, count - 3)
        // What does not begin with the name of a method is another protocol: the decoder says so at once.
        guard count >= Self.limit || (!isWithinHead && !beginsWithLetter) else { return nil }
        isWithinHead = true
        return take(count)
    }

    /// Bytes of a body: as many as are left of it, or a piece of a chunked one. `nil` when there are none.
    mutating func nextBody(left: Int?) -> ByteBuffer? {
        guard !isEmpty, left != 0 else { return nil }
        if let left { return take(min(left, count)) }
        return take(endOfHead(from: min(Self.least, count)) ?? count)
    }

    private mutating func take(_ length: Int) -> ByteBuffer? {
        scanned = 0
        let piece = bytes.readSlice(length: length)
        if isEmpty { bytes = ByteBuffer() }
        return piece
    }

    private var beginsWithLetter: Bool {
        bytes.readableBytesView.first.map { (0x41...0x5A).contains($0 & 0xDF) } ?? true
    }

    /// Empty lines before a request line are ignored (RFC 9112 2.2); a flood of them must not reach the decoder one by one.
    private mutating func skipEmptyLines() {
        let length = bytes.readableBytesView.prefix { $0 == 0x0D || $0 == 0x0A }.count
        guard length > 0 else { return }
        bytes.moveReaderIndex(forwardBy: length)
        scanned = 0
        if isEmpty { bytes = ByteBuffer() }
    }

    /// The length up to and including the first empty line whose preceding line ends at `start` or later.
    private func endOfHead(from start: Int) -> Int? {
        bytes.withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var index = start
            while index < bytes.count, let feed = memchr(base + index, 0x0A, bytes.count - index) {
                index = UnsafeRawPointer(feed) - base + 1
                if index < bytes.count, bytes[index] == 0x0A { return index + 1 }
                if index + 1 < bytes.count, bytes[index] == 0x0D, bytes[index + 1] == 0x0A { return index + 2 }
            }
            return nil
        }
    }
}

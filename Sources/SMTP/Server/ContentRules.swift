import Glibc
import NIOCore

/// What a listener asks of message content, for content that comes another way than over SMTP. *Value.*
///
/// The same reader judges both, so that a line which SMTP refuses is not relayed because it came over HTTP.
package struct ContentRules: Sendable, Hashable {
    /// Octets of one line of content, without its CRLF.
    package var lineLengthHardLimit: Int
    /// Treatment of lone CR and LF.
    package var invalidLineEndings: ServerConfiguration.LineEndings

    /// Rules as given.
    package init(lineLengthHardLimit: Int = 998, invalidLineEndings: ServerConfiguration.LineEndings = .fix) {
        self.lineLengthHardLimit = lineLengthHardLimit
        self.invalidLineEndings = invalidLineEndings
    }

    /// The content as it may go on, or the reply that a client of SMTP would get.
    ///
    /// NUL is refused whatever the rules: whoever writes a message must not make one (RFC 5322, 2.2 and 4.1), though a relay passes it on.
    package func apply(to content: [UInt8]) -> Result<[UInt8], ContentRefusal> {
        content.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress, memchr(base, 0, bytes.count) != nil {
                return .failure(ContentRefusal(reply: FixedReply.nullOctet.reply))
            }
            var reader = ContentReader(maxSize: .max, lineLimit: lineLengthHardLimit, endings: invalidLineEndings)
            reader.begin(expecting: bytes.count)
            reader.feedChunk(bytes)
            reader.finishChunks()
            if let fault = reader.fault { return .failure(ContentRefusal(reply: fault.reply)) }
            // Lines are only ever made longer: content of the same length is the same.
            if reader.total == bytes.count { return .success(content) }
            return .success(Array(reader.take().readableBytesView))
        }
    }
}

/// Why content is refused. *Value.*
package struct ContentRefusal: Error, Sendable {
    /// The reply that a client of SMTP would get.
    package let reply: Reply
}

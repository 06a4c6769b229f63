/// What one SMTP listener promises and how much it puts up with. *Value.*
package struct ServerConfiguration: Sendable {
    /// What to do with message data that holds a CR or LF which is not part of a CRLF.
    ///
    /// Whatever is chosen, only CRLF ends a line and only CRLF.CRLF ends the data: the choice never changes where a
    /// message ends, and so never opens a door for smuggling.
    package enum LineEndings: Sendable {
        /// Refuse the message after the end of data.
        case deny
        /// Keep the bytes as they are.
        case allow
        /// Replace each lone CR and each lone LF by CRLF.
        case fix
    }

    /// The server's name, in the banner, the EHLO reply and 421 replies.
    package var hostname: String
    /// The text behind the hostname in the banner.
    package var banner = "Apus"
    /// Octets of one message, as offered with SIZE. The default is 20 MiB.
    package var maxMessageSize = 20 * 1024 * 1024
    /// Accepted messages before a session is told to come again.
    package var maxMessagesPerConnection = 10_000
    /// Recipients of one transaction.
    package var maxRecipientsPerMessage = 1024
    /// Octets of one line of content, without its CRLF.
    package var lineLengthHardLimit = 998
    /// Treatment of lone CR and LF.
    package var invalidLineEndings = LineEndings.deny
    /// Longest silence of a client.
    package var clientTimeout = Duration.seconds(60)
    /// Longest time for the content of a message, apart from an allowance for its size; see `minimumRate`.
    package var dataTimeout = Duration.seconds(300)
    /// Longest time from the first byte of a command to its CRLF.
    package var commandTimeout = Duration.seconds(120)
    /// Longest wait for a verdict of the delegate (`data_processing_timeout`).
    package var processingTimeout = Duration.seconds(300)
    /// Content that keeps up this many octets a second gets longer than `dataTimeout`: a big message over a slow line is
    /// welcome, a client that drips a byte now and then is not.
    package var minimumRate = 1024
    /// Octets of a message that are held in memory; what follows is streamed to the delegate.
    package var streamThreshold = 1024 * 1024
    /// Octets of one streamed piece (a piece may be larger by one read).
    package var streamPiece = 256 * 1024
    /// Octets of a message that are held, and octets of one piece, while memory is tight.
    package var tightThreshold = 16 * 1024
    /// Counts what sessions hold; nil when nobody does.
    package var budget: (any ServerBudget)?
    /// Faults of a session; the last of them is answered by 421.
    package var maxErrors = 20
    /// Commands that do no work (NOOP, RSET, EHLO, HELP, VRFY) since the last accepted message; each above counts as a fault.
    package var maxIdleCommands = 200
    /// Octets of one command line with its CRLF. RFC 5321 asks for 512, SMTPUTF8 and other extensions for more.
    package var maxCommandLine = 2048
    /// Octets of unprocessed input that are held while a verdict is awaited. Reads are paused long before.
    package var maxBufferedInput = 4 * 1024 * 1024

    /// Whether STARTTLS is offered.
    package var offersTLS = false

    /// A listener with the defaults above.
    package init(hostname: String) { self.hostname = hostname }

    /// The lines of the EHLO reply behind the first.
    func extensions(isSecure: Bool) -> [String] {
        let always = ["PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "CHUNKING", "SIZE \(maxMessageSize)"]
        // RFC 3207, 4.2: not within TLS.
        return offersTLS && !isSecure ? always + ["STARTTLS"] : always
    }
}

extension Duration {
    /// Whole nanoseconds, at most ten years so that adding it to a clock cannot overflow, whatever the clock says.
    var boundedNanoseconds: Int64 {
        let limit: Int64 = 10 * 366 * 86_400
        let seconds = min(max(components.seconds, 0), limit)
        return seconds * 1_000_000_000 + max(components.attoseconds, 0) / 1_000_000_000
    }
}

/// How a sink behaves.
///
/// *Value.*
package struct SinkConfiguration: Sendable {
    /// *Value.* What EHLO offers.
    package struct Extensions: OptionSet, Sendable, Hashable {
        /// One bit for each.
        package let rawValue: UInt8
        /// A set from its bits.
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// PIPELINING (RFC 2920).
        package static let pipelining = Extensions(rawValue: 1)
        /// 8BITMIME (RFC 6152).
        package static let eightBitMIME = Extensions(rawValue: 2)
        /// SMTPUTF8 (RFC 6531).
        package static let smtpUTF8 = Extensions(rawValue: 4)
        /// SIZE (RFC 1870).
        package static let size = Extensions(rawValue: 8)
        /// CHUNKING (RFC 3030).
        package static let chunking = Extensions(rawValue: 16)
        /// What is offered unless said otherwise.
        package static let usual: Extensions = [.pipelining, .eightBitMIME, .smtpUTF8, .size]
    }

    /// Where to listen: `127.0.0.1:2525`, `[::1]:2525`, `:2525` (all IPv4 addresses), `unix:/path`. Port 0 takes a free one.
    package var listen: String
    /// The name in greeting and EHLO reply.
    package var hostname = "sink.invalid"
    /// What EHLO offers.
    package var extensions = Extensions.usual
    /// What is not simply accepted. The first reply or disconnect that applies at a stage wins; delays add up.
    package var rules: [SinkRule] = []
    /// Chance is drawn from this and the session's number: the same dialogue gets the same luck.
    package var seed: UInt64 = 1
    /// A file that gets one line per accepted message, appended: monotonic nanoseconds, session, recipients (comma), header value;
    /// separated by tabs.
    package var recordFile: String?
    /// Adds two fields to each line of the record: the client's EHLO name, and monotonic nanoseconds of the message's MAIL.
    package var recordsDetails = false
    /// A file that gets two lines per connection, appended: monotonic nanoseconds, `connections`, `+1` when it opened or `-1` when it
    /// closed, the client's EHLO name (`-` while it is not known), session; separated by tabs.
    package var connectionRecordFile: String?
    /// The header field whose value is recorded.
    package var recordHeader = "Message-ID"
    /// Bytes of a message; more is answered with 552.
    package var maxMessageSize = 100 << 20
    /// Recipients of a message; more are answered with 452.
    package var maxRecipients = 10_000
    /// Whether to print a line of counters to standard output every second.
    package var printsCounters = false

    /// A sink that takes everything, at that address.
    package init(listen: String) { self.listen = listen }
}

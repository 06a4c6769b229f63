/// How a router looks up and remembers. *Value.*
package struct MailRouterConfiguration: Sendable {
    /// How long one MX (or address) lookup may take.
    package var timeout: Duration = .seconds(5)
    /// Domains looked up at the same time.
    package var concurrency = 128
    /// Longest time it is remembered that a name or a record does not exist, whatever the zone says. Shorter never hurts.
    package var negativeTTL: Duration = .seconds(300)
    /// How long a failure of the DNS is remembered, at most five minutes. Short: an outage of a second must not cost five minutes.
    package var temporaryTTL: Duration = .seconds(30)
    /// Longest time an answer is kept, whatever its time to live says.
    package var maximumTTL: Duration = .seconds(86_400)
    /// Domains, and host names, remembered.
    package var capacity = 100_000
    /// Callers that may wait at once.
    package var maxWaiters = 200_000
    /// Longest wait for a lookup to start.
    package var maxWait: Duration = .seconds(60)

    /// The defaults.
    package init() {}
}

/// What a `TLSHandler` tells the handlers behind it, as a user inbound event. *Value.*
package enum TLSEvent: Sendable {
    /// From now on everything is encrypted.
    case established(TLSFacts)
    /// There will be no encrypted session, or it broke; the connection is closed right after this.
    case failed(TLSFailure)
}

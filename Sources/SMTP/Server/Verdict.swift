/// What the delegate decides about one step of a session. *Value.*
package enum Verdict: Sendable {
    /// Go on. nil sends the default reply of the step; for `message` that is a bare `250 OK`.
    case accept(Reply?)
    /// Refuse the step. A reply of code 421 closes the session, as does any refusal of the connection itself.
    case reject(Reply)
    /// Send the reply and close.
    case disconnect(Reply)
}

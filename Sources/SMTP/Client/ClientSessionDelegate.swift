package import TLS

/// Who owns a client connection: told what it may send and what became of it.
///
/// *Loop-confined.* All calls come on the connection's loop. The handler holds its delegate until `closed`. Every transaction given to
/// `send` or returned by `next` comes back exactly once, in the order given: by `finished`, or as `unfinished` of `closed` when nothing
/// of its content was ever written.
package protocol ClientSessionDelegate: AnyObject {
    /// The session is open: `send` may be called, also from within.
    func ready(_ client: ClientHandler, capabilities: Capabilities)
    /// The session is encrypted from now on; before `ready`.
    func secured(_ client: ClientHandler, _ facts: TLSFacts)
    /// The outcome of a transaction. `send` may be called from within if `result.sessionUsable` and `client.isIdle`: it is not idle when
    /// the transaction that `next` returned takes over. That one has its own `finished`, and then `send` is due again.
    func finished(_ client: ClientHandler, _ transaction: ClientTransaction, result: TransactionResult)
    /// The content of the running transaction is being written: which one follows it?
    ///
    /// Its envelope leaves in the same write, behind the final dot (RFC 2920 3.1), and its replies count after those of the running
    /// one. Asked at most once per transaction, and only when nothing waits, the server takes pipelined commands, and the content is in
    /// memory and goes by DATA over SMTP. While a transaction returned here waits for the running one, `send` must not be called. What
    /// would be refused without asking the server (its size, say) may be returned all the same: it is finished after the running one.
    /// - Returns: nil to wait for the outcome first, as a delegate without this method does.
    func next(_ client: ClientHandler) -> ClientTransaction?
    /// The connection is gone; called once, after everything else. `unfinished` may be sent elsewhere without risk of a duplicate.
    func closed(_ client: ClientHandler, reason: ClientCloseReason, unfinished: ClientTransaction?)
}

extension ClientSessionDelegate {
    /// Nobody is interested.
    package func secured(_ client: ClientHandler, _ facts: TLSFacts) {}
    /// Nothing is looked ahead.
    package func next(_ client: ClientHandler) -> ClientTransaction? { nil }
}

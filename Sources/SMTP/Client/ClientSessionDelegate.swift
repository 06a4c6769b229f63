/// Who owns a client connection: told what it may send and what became of it.
///
/// *Loop-confined.* All calls come on the connection's loop. The handler holds its delegate until `closed`. Every transaction given to
/// `send` comes back exactly once: by `finished`, or as `unfinished` of `closed` when nothing of it was ever written.
package protocol ClientSessionDelegate: AnyObject {
    /// The session is open: `send` may be called, also from within.
    func ready(_ client: ClientHandler, capabilities: Capabilities)
    /// The outcome of a transaction. `send` may be called from within if `result.sessionUsable`.
    func finished(_ client: ClientHandler, _ transaction: ClientTransaction, result: TransactionResult)
    /// The connection is gone; called once, after everything else. `unfinished` may be sent elsewhere without risk of a duplicate.
    func closed(_ client: ClientHandler, reason: ClientCloseReason, unfinished: ClientTransaction?)
}

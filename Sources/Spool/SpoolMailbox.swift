/// Receives the outcome of appends: one call per commit, from a spool thread. Must not block.
package protocol SpoolMailbox: AnyObject, Sendable {
    func deliver(_ completions: [SpoolCompletion])
}

/// The outcome of one append or appendChunk. *value*. A chunk's success carries no handles.
package struct SpoolCompletion: Sendable {
    /// The number the caller gave.
    package let ticket: UInt64
    /// The handles, or why nothing was kept.
    package let result: Result<[SpoolHandle], SpoolError>

    /// The answer to that ticket.
    package init(ticket: UInt64, result: Result<[SpoolHandle], SpoolError>) {
        self.ticket = ticket
        self.result = result
    }
}

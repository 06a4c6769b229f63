/// Receives the outcome of appends: one call per commit, from a spool thread. Must not block.
package protocol SpoolMailbox: AnyObject, Sendable {
    func deliver(_ completions: [SpoolCompletion])
}

/// The outcome of one append or appendChunk. *value*. A chunk's success carries no handles.
package struct SpoolCompletion: Sendable {
    package let ticket: UInt64
    package let result: Result<[SpoolHandle], SpoolError>

    package init(ticket: UInt64, result: Result<[SpoolHandle], SpoolError>) {
        self.ticket = ticket
        self.result = result
    }
}

/// Whatever answers DNS questions: `Resolver`, or a table in a test.
package protocol Resolving: Sendable {
    /// Looks `name` up. `reply` is called exactly once, from any thread, perhaps before this returns.
    func lookup(
        _ name: String, _ type: RecordType, timeout: Duration?,
        reply: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void)
}

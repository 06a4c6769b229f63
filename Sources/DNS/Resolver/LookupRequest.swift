internal import Platform

/// One lookup on its way to the resolver's thread. *Value.*
struct LookupRequest: Sendable {
    let id: UInt64
    let name: String
    let type: RecordType
    let deadline: MonotonicInstant
    let reply: @Sendable (Result<DNSAnswer, DNSError>) -> Void
}

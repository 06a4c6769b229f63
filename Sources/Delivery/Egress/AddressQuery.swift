import DNS

/// *Value*: a host whose addresses a connection needs, and of which kinds.
struct AddressQuery: Sendable {
    let host: MailRoute.Host
    let strategy: IPLookupStrategy
}

internal import Platform
package import TLS

extension TestAuthority {
    /// What a server with such a certificate shows.
    package func identity(_ request: Request) throws -> ServerIdentity {
        let pair = issue(request)
        // An expired one is loaded too, as careless servers do.
        let certificate = try Certificate(
            certificate: pair.certificate, key: pair.key, certificateName: "certificate", keyName: "key",
            now: WallInstant.now().unixNanoseconds / 1_000_000_000 + Int64(min(request.until, 0)) - 1)
        return ServerIdentity(try ServerContext([certificate]))
    }

    /// A client that trusts this authority alone.
    package func trust() throws -> ClientContext { try ClientContext(authorities: Authorities(pem, named: "ca.pem")) }
}

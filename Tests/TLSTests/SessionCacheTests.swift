import COpenSSL
import Testing

@testable import TLS

/// The memory for sessions: each used once, bounded.
@Suite struct SessionCacheTests {
    private func session() throws -> SessionHandle { SessionHandle(try #require(SSL_SESSION_new())) }

    @Test func eachSessionIsUsedOnceAndTheNewestFirst() throws {
        let cache = SessionCache(capacity: 10)
        let demand = ServerDemand(host: "a", needsVerification: true)
        let (first, second) = (try session(), try session())
        cache.keep(first, for: demand)
        cache.keep(second, for: demand)
        #expect(cache.take(demand) === second && cache.take(demand) === first && cache.take(demand) == nil && cache.count == 0)
    }

    @Test func itIsBounded() throws {
        let cache = SessionCache(capacity: 10)
        for host in 0..<100 {
            for _ in 0..<10 { cache.keep(try session(), for: ServerDemand(host: "\(host)", needsVerification: true)) }
        }
        #expect(cache.count <= 10 && cache.take(ServerDemand(host: "0", needsVerification: true)) == nil)
        #expect(cache.take(ServerDemand(host: "99", needsVerification: true)) != nil)
        // Sessions that are used as soon as they come leave nothing behind.
        let busy = ServerDemand(host: "busy", needsVerification: false)
        for _ in 0..<1000 {
            cache.keep(try session(), for: busy)
            #expect(cache.take(busy) != nil)
        }
        #expect(cache.count <= 10)
    }
}

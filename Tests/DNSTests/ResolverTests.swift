import Platform
import Synchronization
import Testing

@testable import DNS

@Suite struct ResolverTests {
    private static let zone = [
        "example.com. 60 IN MX 20 MX2.example.com.", "example.com. 60 IN MX 10 mx1.example.com.", "mx1.example.com. 30 IN A 192.0.2.1",
        "mx1.example.com. 30 IN AAAA 2001:db8::1", "mx2.example.com. 30 IN A 192.0.2.2", "mx2.example.com. 30 IN A 192.0.2.3",
        "nomail.example. 60 IN MX 0 .", "bare.example. 60 IN A 192.0.2.9", "alias.example. 60 IN CNAME example.com.",
        "loop.example. 60 IN CNAME loop2.example.", "loop2.example. 60 IN CNAME loop.example.",
        "dangling.example. 60 IN CNAME nowhere.example.",
        "text.example. 60 IN TXT \"v=spf1 -all\"", "1.2.0.192.in-addr.arpa. 60 IN PTR mx1.example.com.", "txtonly.example. 60 IN TXT \"x\"",
    ]

    private func configuration() -> ResolverConfiguration {
        var configuration = ResolverConfiguration(localData: Self.zone, timeout: .seconds(20))
        configuration.servfail = ["Broken.example."]
        configuration.bogus = ["forged.example"]
        return configuration
    }

    @Test func answersFromTheTestZone() async throws {
        let resolver = try Resolver(configuration())
        defer { resolver.close() }
        let mx = try await resolver.lookup("Example.COM.", .mx)
        #expect(mx.status == .records && mx.timeToLive == 60 && !mx.isSecure)
        #expect(Set(mx.records) == [.mx(preference: 20, host: "mx2.example.com"), .mx(preference: 10, host: "mx1.example.com")])
        #expect(try await resolver.lookup("mx1.example.com", .aaaa).addresses == [HostAddress("2001:db8::1")!])
        #expect(try await resolver.lookup("mx2.example.com", .a).addresses.count == 2)
        #expect(try await resolver.lookup("text.example", .txt).texts == ["v=spf1 -all"])
        #expect(try await resolver.lookup(HostAddress("192.0.2.1")!.reverseName, .ptr).names == ["mx1.example.com"])
        #expect(try await resolver.lookup("nomail.example", .mx).records == [.mx(preference: 0, host: "")])
        #expect(try await resolver.lookup("bare.example", .mx).status == .noData)
        #expect(try await resolver.lookup("absent.example", .mx).status == .noSuchName)
    }

    @Test func followsAliases() async throws {
        let resolver = try Resolver(configuration())
        defer { resolver.close() }
        let alias = try await resolver.lookup("alias.example", .mx)
        #expect(alias.name == "alias.example" && alias.canonicalName == "example.com" && alias.records.count == 2)
        #expect(try await resolver.lookup("loop.example", .a).status == .noData)
        #expect(try await resolver.lookup("dangling.example", .a).status == .noSuchName)
        #expect(try await resolver.lookup("alias.example", .cname).names == ["example.com"])
    }

    @Test(arguments: [
        ("broken.example", DNSError.Code.serverFailure), ("forged.example", .bogus), ("no name", .invalidName), ("", .invalidName),
    ])
    func fails(_ name: String, _ code: DNSError.Code) async throws {
        let resolver = try Resolver(configuration())
        defer { resolver.close() }
        let error = await #expect(throws: DNSError.self) { try await resolver.lookup(name, .mx) }
        #expect(error?.code == code)
    }

    @Test func marksTestDataSecureWhenToldTo() async throws {
        var configuration = configuration()
        configuration.localDataIsSecure = true
        let resolver = try Resolver(configuration)
        defer { resolver.close() }
        #expect(try await resolver.lookup("example.com", .mx).isSecure)
    }

    @Test func answersThousandsAtOnceWithinItsBounds() async throws {
        var configuration = configuration()
        configuration.maxInFlight = 50
        let resolver = try Resolver(configuration)
        defer { resolver.close() }
        let good = try await withThrowingTaskGroup(of: Int.self) { group in
            for n in 0..<3_000 {
                group.addTask {
                    try await resolver.lookup(n % 2 == 0 ? "example.com" : "mx2.example.com", n % 2 == 0 ? .mx : .a).records.count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(good == 6_000)
    }

    /// Its cache goes by the wall clock, so it begins with an empty one when that is set; lookups go on.
    @Test(arguments: [-7200, 7200, -60, 86_400 * 3650, 0] as [Int64])
    func answersWhileTheClockIsSet(_ step: Int64) async throws {
        let offset = Mutex<Int64>(0)
        let clocks = Clocks(
            steady: MonotonicInstant.now, wall: { WallInstant.now() + .seconds(offset.withLock { $0 }) })
        let resolver = try Resolver(configuration(), clocks: clocks)
        defer { resolver.close() }
        for round in 0..<20 {
            offset.withLock { $0 += step }
            async let first = resolver.lookup("example.com", .mx)
            async let second = resolver.lookup("absent\(round).example", .a)
            let (found, absent) = try await (first, second)
            #expect(found.status == .records && absent.status == .noSuchName)
        }
    }

    /// A lookup that was under way is put again.
    @Test func whatWasAskedIsAskedAgain() async throws {
        let silent = try SilentServer()
        let offset = Mutex<Int64>(0)
        let clocks = Clocks(
            steady: MonotonicInstant.now, wall: { WallInstant.now() + .seconds(offset.withLock { $0 }) })
        let resolver = try Resolver(
            ResolverConfiguration(servers: ["127.0.0.1@\(silent.port)"], timeout: .milliseconds(300)), clocks: clocks)
        async let first = resolver.lookup("a.example", .a)
        offset.withLock { $0 = -7200 }
        async let second = resolver.lookup("b.example", .a)
        do { _ = try await first } catch { #expect((error as? DNSError)?.code == .timedOut) }
        do { _ = try await second } catch { #expect((error as? DNSError)?.code == .timedOut) }
        resolver.close()
    }

    @Test func refusesWhatIsBeyondItsBounds() throws {
        var configuration = configuration()
        configuration.maxInFlight = 1
        configuration.maxWaiting = 0
        let core = try ResolverCore(limit: 1)
        let request = LookupRequest(id: 1, name: "a", type: .a, deadline: .distantFuture) { _ in }
        #expect(core.submit(request) == nil)
        #expect(core.submit(request)?.code == .overloaded)
        core.answered()
        #expect(core.submit(request) == nil)
        core.close()
        #expect(core.submit(request)?.code == .closed)
    }

    /// A server that never answers: a UDP socket nobody reads.
    @Test func timesOutCancelsAndClosesWhileTheServerIsSilent() async throws {
        let silent = try SilentServer()
        let resolver = try Resolver(ResolverConfiguration(servers: ["127.0.0.1@\(silent.port)"], timeout: .milliseconds(50)))
        let error = await #expect(throws: DNSError.self) { try await resolver.lookup("example.com", .a) }
        #expect(error?.code == .timedOut)

        let patient = try Resolver(ResolverConfiguration(servers: ["127.0.0.1@\(silent.port)"], timeout: .seconds(600)))
        let task = Task { try await patient.lookup("example.com", .a) }
        task.cancel()
        let cancelled = await #expect(throws: DNSError.self) { try await task.value }
        #expect(cancelled?.code == .cancelled)

        let codes = Mutex<[DNSError.Code]>([])
        for n in 0..<100 {
            patient.lookup("n\(n).example.com", .a) { result in
                if case .failure(let error) = result { codes.withLock { $0.append(error.code) } }
            }
        }
        patient.close()
        #expect(codes.withLock { $0 } == Array(repeating: .closed, count: 100))
        patient.lookup("late.example", .a) { result in
            if case .failure(let error) = result { codes.withLock { $0.append(error.code) } }
        }
        #expect(codes.withLock { $0.count } == 101)
        resolver.close()
        resolver.close()
    }

    @Test func canBeDroppedFromItsOwnReply() async throws {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let holder = Mutex<Resolver?>(try? Resolver(configuration()))
            holder.withLock { $0 }?.lookup("example.com", .mx) { [holder = Holder(holder.withLock { $0 })] _ in
                holder.drop()
                done.resume()
            }
        }
    }

    @Test(arguments: ["dns.example", "192.0.2.1@", "192.0.2.1@0", "192.0.2.1@99999", "192.0.2.1:53", ""])
    func refusesServersThatAreNoAddresses(_ server: String) {
        let error = #expect(throws: DNSError.self) { try Resolver(ResolverConfiguration(servers: [server])) }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test func refusesBrokenLocalData() {
        let error = #expect(throws: DNSError.self) { try Resolver(ResolverConfiguration(localData: ["example.com. IN MX nonsense"])) }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test func takesTheRootsTrustAnchors() throws {
        var configuration = configuration()
        configuration.trustAnchors = ResolverConfiguration.rootTrustAnchors
        try Resolver(configuration).close()
        configuration.trustAnchors = ["nonsense"]
        _ = #expect(throws: DNSError.self) { try Resolver(configuration) }
    }
}

/// Holds the last reference to a resolver until told to drop it.
final class Holder: Sendable {
    private let resolver: Mutex<Resolver?>

    init(_ resolver: Resolver?) { self.resolver = Mutex(resolver) }

    func drop() { resolver.withLock { $0 = nil } }
}

import NIOCore
import NIOHTTP1
import Options
import Shaping
import Testing

@testable import API

/// Who may use the API, and what a browser may not be talked into. Pure: no sockets.
@Suite struct AccessRuleTests {
    static let port = 8000

    static func rule(_ table: [String: ConfigValue] = [:], node: String = "mta1.example.com") throws -> AccessRule {
        var table = table
        table["listen"] = table["listen"] ?? .string("0.0.0.0:\(port)")
        return AccessRule(config: try HTTPListenerConfig(table), nodeName: node)
    }

    /// The status of the refusal; `nil` when the request is answered.
    static func status(
        _ rule: AccessRule, _ fields: [(String, String)], method: HTTPMethod = .POST, uri: String = "/api/admin/bounce/v1",
        peer: String = "127.0.0.1", local: String = "127.0.0.1", version: HTTPVersion = .http1_1
    ) throws -> UInt? {
        let head = HTTPRequestHead(version: version, method: method, uri: uri, headers: HTTPHeaders(fields))
        let refusal = rule.refusal(
            head, target: RequestTarget(uri), peer: try SocketAddress(ipAddress: peer, port: 40_000),
            local: try SocketAddress(ipAddress: local, port: port))
        if let refusal, refusal.status == .forbidden {
            let text = String(buffer: refusal.body)
            #expect(text.contains("trusted_names"), "the remedy is missing: \(text)")
        }
        return refusal?.status.code
    }

    static let foreign = [
        "http://evil.example", "https://evil.example", "null", "NULL", "", " ", "http://", "http:///", "//127.0.0.1:8000", "127.0.0.1:8000",
        "http://127.0.0.1", "http://127.0.0.1:80", "http://127.0.0.1:8001", "http://127.0.0.1:08000x", "https://127.0.0.1:8000",
        "http://127.0.0.1:8000@evil.example", "http://127.0.0.1:8000@evil", "http://evil@127.0.0.1:8000", "http://u:p@127.0.0.1:8000",
        "http://127.0.0.1.evil.example:8000", "http://127.0.0.1.evil.example", "http://localhost.evil", "http://localhost.evil:8000",
        "http://evil.localhost.example:8000", "http://notlocalhost:8000", "http://localhost:8000.evil.example", "http://localhost:8000/",
        "http://localhost:8000/path", "http://localhost:8000?x", "http://localhost:8000#x", "http://localhost:8000 http://localhost:8000",
        "http://localhost:8000, http://evil.example", "http://localhost:8000http://evil.example", "http://[::1]:8000.evil", "http://[::1",
        "http://[127.0.0.1]:8000", "http://[::1%25lo]:8000", "http://0x7f.0.0.1:8000", "http://2130706433:8000", "http://127.1:8000",
        "http://127.0.0.01:8000", "http://127.0.0.1..:8000", "http://localhost..:8000", "http://.localhost:8000", "http://local%68ost:8000",
        "http://ｌocalhost:8000", "http://localhost\\@evil:8000", "http://localhost:99999", "http://localhost:-1",
        "http://localhost:8000\tx",
        "file://", "file://localhost:8000", "chrome-extension://abcdef", "moz-extension://localhost:8000", "ws://127.0.0.1:8000",
        "data:text/html,x", "about:blank", "http://mta1.example.com.evil.example:8000", "http://example.com:8000",
        "javascript://127.0.0.1:8000",
    ]

    @Test(arguments: foreign) func foreignOriginsAreRefused(_ origin: String) throws {
        let rule = try Self.rule()
        for method: HTTPMethod in [.GET, .POST, .DELETE, .PUT, .HEAD, .OPTIONS] {
            #expect(try Self.status(rule, [("Host", "127.0.0.1:8000"), ("Origin", origin)], method: method) == 403, "\(method)")
        }
        #expect(try Self.status(rule, [("host", "localhost:8000"), ("oRiGiN", origin), ("Content-Type", "text/plain")]) == 403)
        // Beside a good one, in either order; and over the network.
        let good = ("Origin", "http://127.0.0.1:8000")
        #expect(try Self.status(rule, [("Host", "127.0.0.1:8000"), good, ("Origin", origin)]) == 403)
        #expect(try Self.status(rule, [("Host", "127.0.0.1:8000"), ("Origin", origin), good]) == 403)
        let wide = try Self.rule(["trusted_hosts": .list([.string("10.0.0.0/8")])])
        #expect(try Self.status(wide, [("Host", "10.0.0.1:8000"), ("Origin", origin)], peer: "10.9.9.9", local: "10.0.0.1") == 403)
    }

    @Test(arguments: [
        "http://127.0.0.1:8000", "http://localhost:8000", "http://LOCALHOST:8000", "HTTP://localhost:8000", "http://localhost.:8000",
        "http://[::1]:8000", "http://mta1.example.com:8000", "http://MTA1.example.com.:8000", "http://mta1:8000",
    ]) func ownOriginsPass(_ origin: String) throws {
        #expect(try Self.status(Self.rule(), [("Host", "127.0.0.1:8000"), ("Origin", origin)]) == nil)
    }

    @Test func aTunnelMayChangeThePort() throws {
        let rule = try Self.rule()
        #expect(try Self.status(rule, [("Host", "localhost:9000"), ("Origin", "http://localhost:9000")]) == nil)
        #expect(try Self.status(rule, [("Host", "localhost"), ("Origin", "http://localhost")]) == nil)
        #expect(try Self.status(rule, [("Host", "localhost:9000"), ("Origin", "http://localhost:9001")]) == 403)
        // The same origin as a stranger's name is not ours.
        #expect(try Self.status(rule, [("Host", "rebind.evil:8000"), ("Origin", "http://rebind.evil:8000")]) == 403)
        let wide = try Self.rule(["trusted_hosts": .list([.string("10.0.0.0/8")])])
        let fields = [("Host", "rebind.evil:8000"), ("Origin", "http://rebind.evil:8000")]
        #expect(try Self.status(wide, fields, peer: "10.9.9.9", local: "10.0.0.1") == 403)
    }

    @Test func listedNamesPass() throws {
        let rule = try Self.rule([
            "trusted_names": .list([.string("panel.example.com"), .string("ops.example.com:8443"), .string("https://wall.example.com")])
        ])
        let passes = [
            "http://panel.example.com:8000", "https://panel.example.com", "http://panel.example.com", "http://ops.example.com:8443",
            "https://ops.example.com:8443", "https://wall.example.com", "https://WALL.example.com:443",
        ]
        for origin in passes { #expect(try Self.status(rule, [("Host", "localhost"), ("Origin", origin)]) == nil, "\(origin)") }
        let fails = [
            "http://panel.example.com:8001", "http://ops.example.com", "http://wall.example.com", "https://wall.example.com:8443",
            "https://x.panel.example.com", "https://panel.example.com.evil",
        ]
        for origin in fails { #expect(try Self.status(rule, [("Host", "localhost"), ("Origin", origin)]) == 403, "\(origin)") }
        for host in ["panel.example.com", "panel.example.com:1", "ops.example.com", "wall.example.com:8000", "PANEL.example.com."] {
            #expect(try Self.status(rule, [("Host", host)]) == nil, "\(host)")
        }
        // A listed page may say that it is another site.
        #expect(try Self.status(rule, [("Host", "localhost"), ("Origin", passes[1]), ("Sec-Fetch-Site", "cross-site")]) == nil)
    }

    @Test(
        arguments: [
            ("cross-site", 403), ("same-site", 403), ("CROSS-SITE", 403), ("something-new", 403), ("", 403), ("cross-site, none", 403),
            ("same-origin", nil), ("none", nil), ("None", nil),
        ] as [(String, UInt?)]) func whatFetchMetadataSays(_ value: String, _ status: UInt?) throws
    {
        for method: HTTPMethod in [.GET, .POST] {
            #expect(try Self.status(Self.rule(), [("Host", "localhost"), ("Sec-Fetch-Site", value)], method: method) == status)
        }
        #expect(try Self.status(Self.rule(), [("Host", "localhost"), ("Sec-Fetch-Site", "none"), ("sec-fetch-site", value)]) == status)
    }

    @Test(
        arguments: [
            ("127.0.0.1", nil), ("127.0.0.1:8000", nil), ("localhost", nil), ("LocalHost:8000", nil), ("localhost.", nil), ("[::1]", nil),
            ("[::1]:8000", nil), ("10.1.2.3:8000", nil), ("mta1.example.com", nil), ("mta1:8000", nil), ("127.0.0.1:", nil),
            ("[2001:db8::1]:8000", nil),
            ("evil.example", 403), ("evil.example:8000", 403), ("rebind.evil:8000", 403), ("localhost.evil", 403),
            ("127.0.0.1.evil.example", 403),
            ("127.0.0.1.nip.io:8000", 403), ("0x7f000001", 403), ("2130706433", 403), ("127.1", 403), ("x.localhost", 403),
            ("", 400), (" ", 400), ("evil@127.0.0.1", 400), ("127.0.0.1:8000@evil", 400), ("127.0.0.1:x", 400), ("127.0.0.1:99999", 400),
            ("127.0.0.1, evil", 400), ("http://127.0.0.1", 400), ("127.0.0.1/", 400), ("[::1", 400), ("::1", 400), ("a b", 400),
            ("é.example", 400),
            ("localhost..", 400), ("[::1]x", 400), (":8000", 400),
        ] as [(String, UInt?)]) func hostMustBeOursOnLoopback(_ host: String, _ status: UInt?) throws
    {
        let rule = try Self.rule()
        for method: HTTPMethod in [.GET, .POST, .DELETE] {
            for path in ["/api/queues", "/metrics", "/api/inject", "/api/explain?queue=x", "/nowhere"] {
                #expect(try Self.status(rule, [("Host", host)], method: method, uri: path) == status)
            }
        }
        #expect(try Self.status(rule, [("Host", host)], peer: "::1", local: "::1") == status)
        #expect(try Self.status(Self.rule(["trusted_hosts": .list([.string("0.0.0.0/0")])]), [("Host", host)]) == status)
    }

    @Test func hostIsOneAndPresent() throws {
        let rule = try Self.rule(["trusted_hosts": .list([.string("10.0.0.0/8"), .string("127.0.0.1")])])
        for peer in ["127.0.0.1", "10.9.9.9"] {
            #expect(try Self.status(rule, [], peer: peer) == 400)
            #expect(try Self.status(rule, [("Host", "localhost"), ("Host", "localhost")], peer: peer) == 400)
            #expect(try Self.status(rule, [("Host", "localhost"), ("host", "evil.example")], peer: peer) == 400)
        }
        // HTTP/1.0 has no Host; no browser speaks it, but on loopback nothing is taken on trust.
        #expect(try Self.status(rule, [], version: .http1_0) == 400)
        #expect(try Self.status(rule, [], peer: "10.9.9.9", version: .http1_0) == nil)
        // A network is trusted by its addresses: whatever it calls this machine.
        #expect(try Self.status(rule, [("Host", "whatever.internal:8000")], peer: "10.9.9.9", local: "10.0.0.1") == nil)
    }

    @Test(
        arguments: [
            ("http://127.0.0.1:8000/api/queues", "127.0.0.1:8000", nil), ("http://localhost/api/queues", "localhost:80", nil),
            ("HTTP://LOCALHOST/api/queues?x=1", "localhost", nil),
            ("http://evil.example/api/queues", "evil.example", 403), ("http://evil.example/api/queues", "127.0.0.1:8000", 400),
            ("http://127.0.0.1:8000/api/queues", "evil.example", 400), ("https://127.0.0.1/api/queues", "127.0.0.1", 400),
            ("http://evil@127.0.0.1:8000/api/queues", "127.0.0.1:8000", 400), ("http:///api/queues", "localhost", 400),
            ("api/queues", "localhost", 400), ("127.0.0.1:8000", "127.0.0.1:8000", 400), ("ftp://localhost/x", "localhost", 400),
            ("http://evil.example", "evil.example", 403), ("http://evil.example?x=/livez", "evil.example", 403), ("*", "localhost", nil),
            ("*", "evil.example", 403),
        ] as [(String, String, UInt?)]) func targetsInAbsoluteForm(_ uri: String, _ host: String, _ status: UInt?) throws
    {
        #expect(try Self.status(Self.rule(), [("Host", host)], method: .GET, uri: uri) == status)
    }

    @Test func probesAreOpenToEverybody() throws {
        for uri in ["/livez", "/readyz", "/startupz", "/api/check-liveness/v1", "/readyz?verbose=1", "http://lb.example/livez"] {
            for fields in [[], [("Host", "evil.example")], [("Host", "x"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")]] {
                #expect(try Self.status(Self.rule(), fields, method: .GET, uri: uri, peer: "192.0.2.9", local: "192.0.2.1") == nil)
            }
        }
        for uri in [
            "/livez/", "//livez", "/livez/../api/queues", "/%6civez", "/LIVEZ", "/livez;x", "/api/queues?/livez", "http://livez", "/",
        ] {
            #expect(try Self.status(Self.rule(), [("Host", "x")], method: .GET, uri: uri, peer: "192.0.2.9", local: "192.0.2.1") == 401)
        }
    }

    @Test func strangersAreToldTheRemedy() throws {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/metrics", headers: ["Host": "127.0.0.1"])
        let refusal = try Self.rule().refusal(
            head, target: RequestTarget("/metrics"), peer: SocketAddress(ipAddress: "192.0.2.9", port: 1),
            local: SocketAddress(ipAddress: "192.0.2.1", port: 8000))
        #expect(refusal?.status == .unauthorized)
        #expect(refusal.map { String(buffer: $0.body) }?.contains("from 192.0.2.9; add the address to trusted_hosts") == true)
        // A mapped address is the address.
        #expect(try Self.status(Self.rule(), [("Host", "localhost")], peer: "::ffff:127.0.0.1", local: "::ffff:127.0.0.1") == nil)
        #expect(try Self.status(Self.rule(), [("Host", "evil.example")], peer: "::ffff:127.0.0.1", local: "::ffff:127.0.0.1") == 403)
    }
}

import Cluster
import Hummingbird
import NIOCore
import Shaping
import Testing

@testable import API

/// What requests for rules may say.
@Suite struct RuleRequestTests {
    private static let fields = ["reason", "node", "data", "name"] + RuleRequest.matching + RuleRequest.lifetime

    private static func request(_ text: String) throws -> RuleRequest { try RuleRequest(ByteBuffer(string: text), allowed: fields) }

    @Test func criteriaBecomeAScope() throws {
        let request = try Self.request(
            #"{"domain": "Example.COM", "tenant": "T", "campaign": "", "queue_names": ["a@b.test"], "node": "n1", "routing_domain": null}"#)
        #expect(
            try request.scope(nodes: ["n1", "n2"])
                == ControlScope(domain: "example.com", tenant: "T", queues: ["a@b.test"], node: "n1"))
        #expect(try Self.request(#"{"everything": true}"#).scope(nodes: []) == ControlScope(isEverything: true))
    }

    /// Operators name queues in any form that reads back; rules have the printed one.
    @Test(arguments: [
        (#"{"campaign": "spring:2026", "routing_domain": "A!b"}"#, ControlScope(routingDomain: "a!b", campaign: "spring:2026")),
        (
            #"{"queue_names": ["\"spring:2026\":acme@x!!", "example.com!", "a!b!c"]}"#,
            ControlScope(queues: [#""spring:2026":acme@x!!"#, "example.com", "a!b!c"])
        ),
        (#"{"tenant": "a@b:c \"d\\"}"#, ControlScope(tenant: #"a@b:c "d\"#)),
    ])
    func anyNameCanBeMeant(_ body: String, _ scope: ControlScope) throws {
        #expect(try Self.request(body).scope(nodes: []) == scope)
    }

    @Test(
        arguments: [
            ("queue_names=a,b@c", ["a", "b@c"]), ("domain=x&queue_names=a%2Cb@c&queue_names=d", ["a,b@c", "d"]), ("", []),
            ("queue_names=%22a%3Ab%22%3At%40d%21%21", [#""a:b":t@d!!"#]), ("queue_names=a+b%2Bc&other=x", ["a b+c"]),
            ("queue_names=%zz&queue_names", ["%zz"]),
        ] as [(String, [String])])
    func queueNamesOfAQuery(_ query: String, _ names: [String]) {
        #expect(FormQuery.list("queue_names", in: query) == names)
    }

    @Test func queriesAreReadAsFormsWriteThem() {
        let items = FormQuery.items("queue=a+b%2B%22c%22%40d&cluster=true&x&y=1=2&=z")
        #expect(items.map(\.key) == ["queue", "cluster", "x", "y", ""])
        #expect(items.map(\.value) == ["a b+\"c\"@d", "true", "", "1=2", "z"])
        #expect(FormQuery.parameters("queue=a%20b")["queue"] == "a b")
    }

    /// *Value*: a request that is refused, and what the refusal must name.
    struct Wrong: Sendable {
        var body: String
        var says: String
    }

    @Test(arguments: [
        Wrong(body: "", says: "JSON object"),
        Wrong(body: "[]", says: "JSON object"),
        Wrong(body: "{}", says: "names no queue"),
        Wrong(body: #"{"domian": "x"}"#, says: "'domian' is not a field"),
        Wrong(body: #"{"domain": 5}"#, says: "'domain' must be a text"),
        Wrong(body: #"{"domain": "a\u0000b"}"#, says: "'domain'"),
        Wrong(body: #"{"campaign": "a\tb"}"#, says: "'campaign'"),
        Wrong(body: "{\"tenant\": \"" + String(repeating: "x", count: 513) + "\"}", says: "longer than 512 bytes"),
        Wrong(body: "{\"queue_names\": [\"" + String(repeating: "x", count: 4200) + "\"]}", says: "texts of 1 to 4109 bytes"),
        Wrong(body: #"{"queue_names": "x"}"#, says: "'queue_names' must be a list"),
        Wrong(body: #"{"queue_names": [5]}"#, says: "'queue_names' must be a list"),
        Wrong(body: #"{"queue_names": []}"#, says: "names no queue"),
        Wrong(body: #"{"everything": "yes"}"#, says: "'everything' must be true or false"),
        Wrong(body: #"{"everything": true, "domain": "x"}"#, says: "contradict"),
        Wrong(body: #"{"domain": "x", "node": "n9"}"#, says: "the members are n1, n2"),
    ]) func wrongScopes(_ wrong: Wrong) {
        let error = #expect(throws: HTTPError.self) { _ = try Self.request(wrong.body).scope(nodes: ["n1", "n2"]) }
        #expect(error?.status == .badRequest && error?.body?.contains(wrong.says) == true, "\(wrong.body): \(error?.body ?? "")")
    }

    private static let now: Int64 = 1_700_000_000_000_000_000

    @Test(
        arguments: [
            (#"{}"#, Self.now + 300_000_000_000),
            (#"{"duration": "10m"}"#, Self.now + 600_000_000_000),
            (#"{"duration": 90}"#, Self.now + 90_000_000_000),
            (#"{"duration": "forever"}"#, nil),
            (#"{"expires": "2023-11-14T22:13:30Z"}"#, Self.now + 10_000_000_000),
            (#"{"expires": "2023-11-14T23:13:20.500+01:00", "duration": "1s"}"#, Self.now + 500_000_000),
        ] as [(String, Int64?)]) func lifetimes(_ body: String, _ expected: Int64?) throws
    {
        #expect(try Self.request(body).expires(now: Self.now, standard: 300_000_000_000) == expected)
    }

    @Test(arguments: [
        Wrong(body: #"{"duration": "soon"}"#, says: "duration"), Wrong(body: #"{"duration": -1}"#, says: "duration"),
        Wrong(body: #"{"duration": "0s"}"#, says: "must be positive"), Wrong(body: #"{"expires": "tomorrow"}"#, says: "RFC 3339"),
        Wrong(body: #"{"expires": "2023-11-14T22:13:19Z"}"#, says: "is over"), Wrong(body: #"{"expires": 5}"#, says: "'expires'"),
        Wrong(body: #"{"expires": "99999-01-01T00:00:00Z"}"#, says: "RFC 3339"),
    ]) func wrongLifetimes(_ wrong: Wrong) {
        let error = #expect(throws: HTTPError.self) { _ = try Self.request(wrong.body).expires(now: Self.now, standard: 1) }
        #expect(error?.body?.contains(wrong.says) == true, "\(wrong.body): \(error?.body ?? "")")
    }

    @Test(arguments: [
        Wrong(body: #"{}"#, says: "'data' must be an object"), Wrong(body: #"{"data": {}}"#, says: "'data' must be an object"),
        Wrong(body: #"{"data": {"tenant": 5}}"#, says: "'data.tenant' must be a text"),
        Wrong(body: #"{"data": {"campaign": "a\u0000b"}}"#, says: "data.campaign"),
        Wrong(body: #"{"data": {"queue": ""}}"#, says: "data.queue"),
        Wrong(body: #"{"data": {"queue": "null"}}"#, says: "throw the messages away"),
        Wrong(body: #"{"data": {"apus.recipients": "x"}}"#, says: "not a name for metadata"),
    ]) func wrongData(_ wrong: Wrong) {
        let error = #expect(throws: HTTPError.self) { _ = try Self.request(wrong.body).data() }
        #expect(error?.body?.contains(wrong.says) == true, "\(wrong.body): \(error?.body ?? "")")
    }

    @Test func anythingMayBeCutOff() {
        let whole = #"{"domain": "example.com", "reason": "x", "duration": "5m", "queue_names": ["a", "b"], "data": {"tenant": "t"}}"#
        for length in 0..<whole.utf8.count {
            #expect(throws: HTTPError.self) { _ = try Self.request(String(decoding: whole.utf8.prefix(length), as: UTF8.self)) }
        }
    }
}

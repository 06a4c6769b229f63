import Foundation
import Hummingbird
import JSON
import Message
import Options
import Shaping
import Testing

@testable import API
@testable import Intake

@Suite struct InjectionDecodingTests {
    private static func short(_ text: String) throws -> Injection {
        try ShortInjection(json: try JSONValue(parsing: text, .api)).injection()
    }

    private static func v1(_ text: String) throws -> Injection {
        try V1Injection(json: try JSONValue(parsing: text, .api)).injection()
    }

    private static func content(_ item: Injection.Item) -> String { String(decoding: item.content, as: UTF8.self) }

    /// The sentence a client gets for a body that is refused.
    private static func refusal(_ body: () throws -> Injection) -> String {
        do {
            _ = try body()
            return ""
        } catch let error as JSONFault {
            return error.sentence(about: "the body")
        } catch let error as HTTPError {
            return error.body ?? ""
        } catch {
            return "\(error)"
        }
    }

    // MARK: Short form

    @Test func shortForm() throws {
        let injection = try Self.short(
            #"{"from":"a@x.test","to":["b@y.test","c@z.test"],"subject":"Hi","body":"text","headers":{"X-A":"1"},"tenant":"t","campaign":"c"}"#
        )
        #expect(injection.items.map(\.recipient.text) == ["b@y.test", "c@z.test"])
        #expect(injection.meta["tenant"] == .string("t") && injection.meta["campaign"] == .string("c"))
        let text = Self.content(injection.items[0])
        for part in ["Subject: Hi\r\n", "X-A: 1\r\n", "From: ", "To: ", "Date: ", "Message-ID: <", "MIME-Version: 1.0\r\n", "\r\n\r\ntext"]
        {
            #expect(text.contains(part), "\(part)")
        }
        #expect(Self.content(injection.items[1]) != text, "each recipient has a message of its own")
    }

    @Test func oneRecipientNeedsNoList() throws { #expect(try Self.short(#"{"from":"a@x.test","to":"b@y.test"}"#).items.count == 1) }

    @Test func badRecipientsAreToldApart() throws {
        let injection = try Self.short(#"{"from":"a@x.test","to":["b@y.test","nobody","x@@y"]}"#)
        #expect(injection.items.count == 1 && injection.failures.map(\.recipient) == ["nobody", "x@@y"])
    }

    /// An application sends null for a recipient that its database does not have.
    @Test func nullRecipientsAreCounted() throws {
        let short = try Self.short(#"{"from":"a@x.test","to":[null,"b@y.test",null]}"#)
        #expect(short.items.count == 1 && short.failures.map(\.recipient) == ["null", "null"])
        #expect(short.failures.map(\.reason.localizedLowercase).allSatisfy { $0.contains("to[") && $0.contains("is null") })
        let long = try Self.v1(
            #"{"envelope_sender":"a@x.test","recipients":[null,{"email":"b@y.test"},{"email":null}],"content":"A: b\r\n\r\n"}"#)
        #expect(long.items.count == 1 && long.failures.map(\.recipient) == ["null", "null"])
        #expect(long.failures.map(\.reason)[1].contains("recipients[2].email is null"))
        #expect(try Self.short(#"{"from":"a@x.test","to":[null]}"#).failures.count == 1)
    }

    /// A mailing list has its own address in To.
    @Test(arguments: [
        "list@lists.test", "One <a@x.test>, b@y.test", "undisclosed-recipients:;", "Friends: a@x.test, b@y.test;", "Ünï <a@x.test>",
    ])
    func toAndFromMayBeGiven(_ to: String) throws {
        let headers = String(decoding: try JSONEncoder().encode(["tO": to, "From": "Me <me@x.test>"]), as: UTF8.self)
        let short = try Self.short(#"{"from":"a@x.test","to":["b@y.test"],"headers":"# + headers + "}")
        let long = try Self.v1(
            #"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"}],"content":{"text_body":"t","headers":"# + headers + "}}")
        for injection in [short, long] {
            #expect(injection.failures.isEmpty && injection.items.map(\.recipient.text) == ["b@y.test"])
            let text = Self.content(try #require(injection.items.first)).replacing("\r\n", with: "\n")
            #expect(text.contains("From: Me <me@x.test>\n") && text.components(separatedBy: "\nFrom:").count == 2)
            #expect(text.lowercased().components(separatedBy: "\nto:").count == 2)
            if to.allSatisfy(\.isASCII) { #expect(text.contains("tO: \(to)\n")) }
        }
    }

    // MARK: Rules for raw content

    private static func raw(_ content: String, _ options: [String: ConfigValue] = [:]) throws -> Injection {
        let config = try HTTPListenerConfig(options.merging(["listen": .string("127.0.0.1:0")]) { $1 })
        let json = String(decoding: try JSONEncoder().encode(content), as: UTF8.self)
        let body = #"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"}],"content":"# + json + "}"
        return try V1Injection(json: try JSONValue(parsing: body, .api)).injection(InjectionRules(config.content))
    }

    @Test(
        arguments: [
            ("A: b\r\n\r\n" + String(repeating: "x", count: 3000), [:], "500 5.2.3"), ("A: b\r\n\r\na\0b", [:], "554 5.6.0"),
            ("A: b\n\nx", ["invalid_line_endings": .string("Deny")], "552 5.6.0"),
            ("A: b\r\n\r\n" + String(repeating: "x", count: 65), ["line_length_hard_limit": .integer(64)], "500 5.2.3"),
            (String(repeating: "Received: a\r\n", count: 101) + "\r\n", [:], "554 5.4.6"),
            (String(repeating: "reCEIVED :\n a\n", count: 3) + "\r\n", ["max_received_headers": .integer(2)], "554 5.4.6"),
            ("A: b\r\nBCC: x@y.test\r\n\r\n", ["raw_bcc": .string("Refuse")], "Bcc"),
            ("Resent-Bcc : x@y.test\r\n", ["raw_bcc": .string("Refuse")], "Bcc"),
        ] as [(String, [String: ConfigValue], String)])
    func rawContentIsRefused(_ content: String, _ options: [String: ConfigValue], _ part: String) {
        let sentence = Self.refusal { try Self.raw(content, options) }
        #expect(sentence.contains(part), "\(sentence)")
    }

    @Test(
        arguments: [
            ("A: b\r\n\r\n" + String(repeating: "x", count: 998), [:], "A: b\r\n\r\n" + String(repeating: "x", count: 998)),
            ("A: b\n\nx", ["invalid_line_endings": .string("Allow")], "A: b\n\nx"),
            (
                String(repeating: "Received: a\r\n", count: 100) + "\r\n" + String(repeating: "Received: a\r\n", count: 50), [:],
                String(repeating: "Received: a\r\n", count: 100) + "\r\n" + String(repeating: "Received: a\r\n", count: 50)
            ),
            ("A: b\r\nBCC: x@y.test,\r\n z@y.test\r\nC: d\r\n\r\nBcc: kept", [:], "A: b\r\nC: d\r\n\r\nBcc: kept"),
            ("hello\nBcc: no header", [:], "hello\r\nBcc: no header"),
        ] as [(String, [String: ConfigValue], String)])
    func rawContentIsTaken(_ content: String, _ options: [String: ConfigValue], _ expected: String) throws {
        #expect(Self.content(try #require(Self.raw(content, options).items.first)) == expected)
    }

    @Test func builtMessagesHaveNoBlindCopies() throws {
        let short = try Self.short(#"{"from":"a@x.test","to":"b@y.test","headers":{"bCC":"secret@x.test","Resent-Bcc":"secret@x.test"}}"#)
        let long = try Self.v1(
            #"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"}],"content":{"text_body":"t","headers":{"Bcc":"secret@x.test"}}}"#
        )
        for injection in [short, long] { #expect(!Self.content(try #require(injection.items.first)).contains("secret")) }
    }

    @Test func headersCannotBeForged() throws {
        let injection = try Self.short(#"{"from":"a@x.test","to":"b@y.test","subject":"Hi\r\nBcc: x@y.test"}"#)
        #expect(injection.items.isEmpty && injection.failures.count == 1)
    }

    @Test(arguments: [
        (#"{"to":"b@y.test"}"#, "'from' is missing"), (#"{"from":"a@x.test"}"#, "'to' is missing"),
        (#"{"from":"a@x.test","to":[]}"#, "names no recipient"), (#"{"from":"nonsense","to":"b@y.test"}"#, "'from' is not an address"),
        (#"{"from":"a@x.test","to":5}"#, "'to'"), (#"{"from":"a@x.test","to":"b@y.test","subjct":"x"}"#, "subjct: unknown field"),
        ("nonsense", "not valid JSON"), ("[]", "wrong type: it must be an object, not an array"),
        (#"{"from":"a@x.test","to":"b@y.test","subjct":"x"}"#, "did you mean 'subject'?"),
        (#"{"from":5,"to":"b@y.test"}"#, "the field 'from' has the wrong type: it must be a string, not a number"),
        (#"{"from":null,"to":"b@y.test"}"#, "the field 'from' has the wrong type: it must be a string, not null"),
        (#"{"from":"a@x.test","to":{}}"#, "'to' has the wrong type: it must be a string or an array of strings, not an object"),
        (#"{"from":"a@x.test","to":null}"#, "not null"), (#"{"from":"a@x.test","to":true}"#, "not a boolean"),
        (#"{"from":"a@x.test","to":["b@y.test",7]}"#, "the field 'to[1]' has the wrong type: it must be a string, not a number"),
        (
            #"{"from":"a@x.test","to":"b@y.test","headers":{"X-N":5}}"#,
            "the field 'headers.X-N' has the wrong type: it must be a string, not a number"
        ),
        (#"{"from":"a@x.test","to":"b@y.test","headers":[]}"#, "'headers' has the wrong type: it must be an object, not an array"),
        (#"{"from":"a@x.test","to":"b@y.test","tenant":5}"#, "'tenant' has the wrong type: it must be a string, not a number"),
        (#"{"from":"a@x.test","to":"b@y.test","tenant":"a\u0007"}"#, "'tenant': the tenant of the queue name contains a control character"),
        (#"{"from":"a@x.test","to":"b@y.test","campaign":""# + String(repeating: "x", count: 513) + #""}"#, "longer than 512 bytes"),
        (#"{"from":"a@x.test","to":"b@y.test""#, "not valid JSON"), (#"{"from":1e400}"#, "number"), ("", "not valid JSON"),
        (#""text""#, "must be an object, not a string"),
        ("5", "must be an object, not a number"), ("null", "must be an object, not null"),
        (#"{"from":"a@x.test","to":"b@y.test","a\nb":1}"#, "a b: unknown field"),
    ]) func shortFormMistakes(_ text: String, _ part: String) {
        let sentence = Self.refusal { try Self.short(text) }
        #expect(sentence.contains(part), "\(sentence)")
    }

    // MARK: /api/inject/v1

    @Test func rawContent() throws {
        let injection = try Self.v1(
            #"{"envelope_sender":"","recipients":[{"email":"b@y.test"}],"content":"Subject: x\n\nbody\rend\r\n","deferred_spool":true}"#)
        #expect(injection.sender.isNull && injection.deferredSpool)
        #expect(Self.content(injection.items[0]) == "Subject: x\r\n\r\nbody\r\nend\r\n")
        #expect(!injection.trace.received && injection.trace.supplemental)
    }

    @Test(arguments: [("a\r\nb", "a\r\nb"), ("\r", "\r\n"), ("\n\n", "\r\n\r\n"), ("\r\r\n\n", "\r\n\r\n\r\n"), ("", "")])
    func lineEndsBecomeCRLF(_ text: String, _ expected: String) throws {
        let json = String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
        let injection = try Self.v1(#"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"}],"content":"# + json + "}")
        #expect(Self.content(injection.items[0]) == expected)
    }

    @Test func builder() throws {
        let injection = try Self.v1(
            #"""
            {"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test","name":"Bea","metadata":{"k":1}}],
             "content":{"text_body":"t","html_body":"<p>h</p>","subject":"S","from":{"email":"news@x.test","name":"News"},
             "reply_to":{"email":"r@x.test"},"headers":{"X-A":"1"},
             "attachments":[{"data":"aGk=","content_type":"text/plain","file_name":"a.txt","base64":true}]},
             "trace_headers":{"received_header":true,"supplemental_header":false}}
            """#)
        let text = Self.content(injection.items[0])
        for part in ["From: News <news@x.test>", "To: Bea <b@y.test>", "Reply-To: r@x.test", "Subject: S", "X-A: 1", "multipart/mixed"] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(injection.trace.received && !injection.trace.supplemental)
        #expect(injection.items[0].meta["extra"] == .table(["k": .integer(1)]))
    }

    @Test(arguments: [
        (#""substitutions":{"a":1}"#, "templates are not supported yet"),
        (#""template_dialect":"Jinja""#, "'Jinja' is not supported yet"),
        (#""template_dialect":"Perl""#, "must be Static, Jinja or Handlebars"),
        (#""deferred_generation":true"#, "is not supported yet"), (#""defered_spool":true"#, "defered_spool: unknown field"),
        (#""deferred_spool":"yes""#, "the field 'deferred_spool' has the wrong type: it must be true or false, not a string"),
        (#""trace_headers":{"include_meta_names":[1]}"#, "the field 'trace_headers.include_meta_names[0]' has the wrong type"),
        (#""trace_headers":5"#, "'trace_headers' has the wrong type: it must be an object, not a number"),
    ]) func v1Mistakes(_ field: String, _ part: String) {
        let sentence = Self.refusal {
            try Self.v1(#"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"}],"content":"x","# + field + "}")
        }
        #expect(sentence.contains(part), "\(sentence)")
    }

    @Test(arguments: [#""substitutions":{}"#, #""template_dialect":"Static""#, #""deferred_generation":false"#])
    func harmlessOptionsPass(_ field: String) throws {
        let injection = try Self.v1(#"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"}],"content":"x","# + field + "}")
        #expect(injection.items.count == 1)
    }

    @Test func substitutionsOfARecipientAreRefused() {
        let sentence = Self.refusal {
            try Self.v1(#"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test","substitutions":{"n":"B"}}],"content":"x"}"#)
        }
        #expect(sentence.contains("per-recipient substitutions are not supported yet"))
    }

    @Test(arguments: [
        (
            #"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"},{"email":"c@y.test"},{"email":5}],"content":"x"}"#,
            "the field 'recipients[2].email' has the wrong type: it must be a string, not a number"
        ),
        (#"{"envelope_sender":"a@x.test","recipients":[{"name":"b"}],"content":"x"}"#, "the field 'recipients[0].email' is missing"),
        (
            #"{"envelope_sender":"a@x.test","recipients":["b@y.test"],"content":"x"}"#,
            "the field 'recipients[0]' has the wrong type: it must be an object, not a string"
        ),
        (
            #"{"envelope_sender":"a@x.test","recipients":{"email":"b@y.test"},"content":"x"}"#,
            "the field 'recipients' has the wrong type: it must be an array, not an object"
        ),
        (
            #"{"envelope_sender":"a@x.test","recipients":[],"content":5}"#,
            "'content' has the wrong type: it must be a string (a whole message) or an object (parts to build one from), not a number"
        ),
        (#"{"envelope_sender":"a@x.test","recipients":[]}"#, "the field 'content' is missing"),
        (
            #"{"envelope_sender":"a@x.test","recipients":[],"content":{"attachments":[{"data":"","content_type":"a/b"},{"data":1,"content_type":"a/b"}]}}"#,
            "the field 'content.attachments[1].data' has the wrong type: it must be a string, not a number"
        ),
        (
            #"{"envelope_sender":"a@x.test","recipients":[],"content":{"from":"a@x.test"}}"#,
            "the field 'content.from' has the wrong type: it must be an object, not a string"
        ),
    ]) func fieldsAreNamedWithTheirPath(_ text: String, _ part: String) {
        let sentence = Self.refusal { try Self.v1(text) }
        #expect(sentence.contains(part), "\(sentence)")
        for word in ["Expected", "decode", "Swift", "Dictionary", "debugDescription"] { #expect(!sentence.contains(word), "\(sentence)") }
    }

    @Test func aMistypedFieldOfTheBuilderIsNamed() {
        let sentence = Self.refusal {
            try Self.v1(#"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"}],"content":{"text":"x"}}"#)
        }
        #expect(sentence.contains("content.text: unknown field"), "\(sentence)")
    }

    @Test(arguments: [
        #"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test","nmae":"B"}],"content":"x"}"#,
        #"{"envelope_sender":"a@x.test","recipients":[{"email":"b@y.test"}],"content":"x","trace_headers":{"recieved_header":true}}"#,
    ]) func mistypedInnerFieldsAreNamed(_ text: String) {
        do {
            #expect(Self.refusal { try Self.v1(text) }.contains("unknown field"))
        }
    }
}

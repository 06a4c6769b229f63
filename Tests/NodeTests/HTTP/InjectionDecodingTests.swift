import Foundation
import Hummingbird
import Message
import Shaping
import Testing

@testable import Node

@Suite struct InjectionDecodingTests {
    private static func short(_ text: String) throws -> Injection {
        try JSONDecoder().decode(ShortInjection.self, from: Data(text.utf8)).injection()
    }

    private static func v1(_ text: String) throws -> Injection {
        try JSONDecoder().decode(V1Injection.self, from: Data(text.utf8)).injection()
    }

    private static func content(_ item: Injection.Item) -> String { String(decoding: item.content, as: UTF8.self) }

    /// The sentence a client gets for a body that is refused.
    private static func refusal(_ body: () throws -> Injection) -> String {
        do {
            _ = try body()
            return ""
        } catch let error as DecodingError {
            return error.sentence
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

    @Test func headersCannotBeForged() throws {
        let injection = try Self.short(#"{"from":"a@x.test","to":"b@y.test","subject":"Hi\r\nBcc: x@y.test"}"#)
        #expect(injection.items.isEmpty && injection.failures.count == 1)
    }

    @Test(arguments: [
        (#"{"to":"b@y.test"}"#, "'from' is missing"), (#"{"from":"a@x.test"}"#, "'to' is missing"),
        (#"{"from":"a@x.test","to":[]}"#, "names no recipient"), (#"{"from":"nonsense","to":"b@y.test"}"#, "'from' is not an address"),
        (#"{"from":"a@x.test","to":5}"#, "'to'"), (#"{"from":"a@x.test","to":"b@y.test","subjct":"x"}"#, "subjct: unknown field"),
        ("nonsense", "not valid JSON"), ("[]", "wrong type"),
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

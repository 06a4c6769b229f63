import Message
import Testing

@testable import Delivery

@Suite struct StoredRecipientsTests {
    @Test(arguments: [
        ["a@example.com"], ["a@example.com", "\"odd one\"@example.com", "ü@exämple.com"], ["\"\"@x.test", "postmaster"],
        ["u@[192.0.2.1]", "u@[IPv6:2001:db8::1]"],
    ]) func roundTrip(_ texts: [String]) {
        let addresses = texts.map { EnvelopeAddress(stored: $0) }
        let other = (key: "tenant", value: "\"t\"")
        let (meta, recipients) = StoredRecipients.split([other, StoredRecipients.entry(addresses)])
        #expect(meta.map(\.key) == ["tenant"])
        #expect(recipients?.map { EnvelopeAddress(stored: $0) } == addresses)
    }

    @Test func withoutAnEntryNothingChanges() {
        let (meta, recipients) = StoredRecipients.split([("a", "1"), ("b", "2")])
        #expect(meta.map(\.key) == ["a", "b"] && recipients == nil)
    }

    @Test func theLastEntryCounts() {
        let first = StoredRecipients.entry([EnvelopeAddress(stored: "a@x.test")])
        let last = StoredRecipients.entry([EnvelopeAddress(stored: "b@x.test")])
        let (meta, recipients) = StoredRecipients.split([first, last])
        #expect(meta.isEmpty && recipients == ["b@x.test"])
    }

    @Test func whatDoesNotParseStaysVisible() {
        #expect(EnvelopeAddress(stored: "").isNull)
        #expect(EnvelopeAddress(stored: "no at sign").localPart == "no at sign")
    }
}

@Suite struct QueueNameFallbackTests {
    @Test(arguments: [("example.com", "example.com"), ("a@b@c!d!e", "a@b@c!d!e"), ("", "invalid.invalid")])
    func anyTextIsSomeQueue(_ text: String, _ domain: String) { #expect(QueueName(fallback: text).domain == domain) }
}

import JSON
import Platform
import Testing

@testable import Telemetry

@Suite struct LogRecordTests {
    private func json(_ record: LogRecord, _ selection: LogSelection = .everything) -> String {
        var out: [UInt8] = []
        record.encodeJSON(into: &out, selection: selection)
        return String(decoding: out, as: UTF8.self)
    }

    @Test func encodesEveryField() {
        var record = LogRecord.sample(1, type: .bounce)
        record.recipients = ["b@example.org", "c\"@example.org"]
        record.queue = "campaign:tenant@example.org"
        record.site = "pool->mx.example.org@smtp_client"
        record.size = 1_024
        record.response = .init(
            code: 550, enhancedCode: .init(class: 5, subject: 1, detail: 1), content: "no\r\nsuch user", command: "RCPT TO:<b@example.org>")
        record.peerAddress = .init(name: "mx.example.org.", address: "192.0.2.1")
        record.attempts = 3
        record.bounceClassification = "InvalidRecipient"
        record.egressPool = "pool"
        record.egressSource = "ip-1"
        record.sourceAddress = .init(address: "192.0.2.7:1234", server: nil, protocol: "socks5")
        record.feedbackReport = #"{"x":1}"#
        record.meta = [("tenant", "\"acme\""), ("n", "1"), ("damaged", "{")]
        record.headers = [("Subject", "hé\"llo")]
        record.deliveryProtocol = "ESMTP"
        record.receptionProtocol = "HTTP"
        record.nodeID = "node-1"
        record.tlsCipher = "TLS_AES_256_GCM_SHA384"
        record.tlsProtocolVersion = "TLSv1.3"
        record.tlsPeerSubjectName = ["CN=mx", "O=x"]
        record.providerName = "google"
        record.sessionID = "s-1"
        #expect(
            json(record) == #"{"type":"Bounce","id":"id-1","sender":"a@example.com","recipient":["b@example.org","c\"@example.org"],"#
                + #""queue":"campaign:tenant@example.org","site":"pool->mx.example.org@smtp_client","size":1024,"#
                + #""response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"no\r\nsuch user","command":"RCPT TO:<b@example.org>"},"#
                + #""peer_address":{"name":"mx.example.org.","addr":"192.0.2.1"},"timestamp":1767225600,"event_time":"2026-01-01T00:00:00.123456789Z","#
                + #""created":1767225599,"created_time":"2025-12-31T23:59:59.000000000Z","num_attempts":3,"bounce_classification":"InvalidRecipient","#
                + #""egress_pool":"pool","egress_source":"ip-1","source_address":{"address":"192.0.2.7:1234","server":null,"protocol":"socks5"},"#
                + #""feedback_report":{"x":1},"meta":{"tenant":"acme","n":1,"damaged":"{"},"headers":{"Subject":"hé\"llo"},"delivery_protocol":"ESMTP","#
                + #""reception_protocol":"HTTP","nodeid":"node-1","tls_cipher":"TLS_AES_256_GCM_SHA384","tls_protocol_version":"TLSv1.3","#
                + #""tls_peer_subject_name":["CN=mx","O=x"],"provider_name":"google","session_id":"s-1"}"#)
        #expect(JSONScanner.isValid(json(record)))
    }

    @Test func absentValuesAreNull() {
        let text = json(.sample(1))
        #expect(JSONScanner.isValid(text))
        #expect(text.contains(#""recipient":"b@example.org","#))
        for name in [
            "enhanced_code", "command", "peer_address", "egress_pool", "source_address", "feedback_report",
            "delivery_protocol", "tls_peer_subject_name", "session_id",
        ] {
            #expect(text.contains("\"\(name)\":null"))
        }
    }

    @Test(
        arguments: [
            (["*"], "anything", true), (["x-*"], "X-Ref", true), (["x-*"], "x-", true), (["x-*"], "x", false),
            (["Subject"], "subject", true), (["Subject"], "subject2", false), (["Subject"], "subjec", false), ([], "a", false),
            (["a", "b*"], "bc", true), ([""], "", true), ([""], "a", false),
        ] as [([String], String, Bool)])
    func selectsNames(_ patterns: [String], _ name: String, _ expected: Bool) {
        #expect(LogSelection(headers: patterns).selects(header: name) == expected)
        #expect(LogSelection(meta: patterns).selects(meta: name) == expected)
    }

    @Test func showsOnlyWhatIsSelected() {
        var record = LogRecord.sample(1)
        record.meta = [("a", "1"), ("b", "2")]
        record.headers = [("X-A", "1"), ("Y", "2")]
        #expect(json(record, LogSelection(meta: ["b"], headers: ["x-*"])).contains(#""meta":{"b":2},"headers":{"X-A":"1"}"#))
        #expect(json(record, LogSelection()).contains(#""meta":{},"headers":{}"#))
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"), (1_709_164_800_000_000_001, "2024-02-29T00:00:00.000000001Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"), (951_868_800_000_000_000, "2000-03-01T00:00:00.000000000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
            (Int64.max, "2262-04-11T23:47:16.854775807Z"), (Int64.min, "1677-09-21T00:12:43.145224192Z"),
        ] as [(Int64, String)])
    func tellsTime(_ nanoseconds: Int64, _ expected: String) {
        var out: [UInt8] = []
        UTCTime(unixNanoseconds: nanoseconds).appendRFC3339(digits: 9, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    @Test func namesSegments() {
        let name = UTCTime(unixNanoseconds: 1_767_225_600_000_000_042).segmentName
        #expect(name == "20260101-000000.000000042")
        #expect(LogDirectory.isSegmentName(name) && LogDirectory.isSegmentName(name + ".bounces"))
        #expect(!LogDirectory.isSegmentName("20260101-000000.00000004") && !LogDirectory.isSegmentName("2026010a-000000.000000042"))
    }
}

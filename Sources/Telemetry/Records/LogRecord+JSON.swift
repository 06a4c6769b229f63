internal import JSON
import Platform

extension LogRecord {
    /// Appends the record as one JSON object on one line, without a line break at its end.
    ///
    /// The names and their order are those existing log readers know; absent values are `null`, never left out.
    package func encodeJSON(into out: inout [UInt8]) { encodeJSON(into: &out, selection: .everything) }

    /// Appends the record, showing only the metadata and headers selected.
    package func encodeJSON(into out: inout [UInt8], selection: LogSelection) {
        out.append(contentsOf: "{\"type\":".utf8)
        JSONText.append(string: type.rawValue, to: &out)
        field("id", id, &out)
        field("sender", sender, &out)
        key("recipient", &out)
        if recipients.count == 1 {
            JSONText.append(string: recipients[0], to: &out)
        } else {
            strings(recipients, &out)
        }
        field("queue", queue, &out)
        field("site", site, &out)
        number("size", size, &out)
        encodeResponse(&out)
        key("peer_address", &out)
        if let peerAddress {
            out.append(contentsOf: "{\"name\":".utf8)
            JSONText.append(string: peerAddress.name, to: &out)
            field("addr", peerAddress.address, &out)
            out.append(UInt8(ascii: "}"))
        } else {
            out.append(contentsOf: "null".utf8)
        }
        time("timestamp", "event_time", timestamp, &out)
        time("created", "created_time", created, &out)
        number("num_attempts", attempts, &out)
        field("bounce_classification", bounceClassification, &out)
        field("egress_pool", egressPool, &out)
        field("egress_source", egressSource, &out)
        key("source_address", &out)
        if let sourceAddress {
            out.append(contentsOf: "{\"address\":".utf8)
            JSONText.append(string: sourceAddress.address, to: &out)
            field("server", sourceAddress.server, &out)
            field("protocol", sourceAddress.protocol, &out)
            out.append(UInt8(ascii: "}"))
        } else {
            out.append(contentsOf: "null".utf8)
        }
        key("feedback_report", &out)
        JSONText.append(value: feedbackReport ?? "null", to: &out)
        encodeMaps(selection, &out)
        field("delivery_protocol", deliveryProtocol, &out)
        field("reception_protocol", receptionProtocol, &out)
        field("nodeid", nodeID, &out)
        field("tls_cipher", tlsCipher, &out)
        field("tls_protocol_version", tlsProtocolVersion, &out)
        key("tls_peer_subject_name", &out)
        if let tlsPeerSubjectName { strings(tlsPeerSubjectName, &out) } else { out.append(contentsOf: "null".utf8) }
        field("provider_name", providerName, &out)
        field("session_id", sessionID, &out)
        out.append(UInt8(ascii: "}"))
    }

    private func encodeResponse(_ out: inout [UInt8]) {
        key("response", &out)
        out.append(contentsOf: "{\"code\":".utf8)
        Decimal.append(response.code, to: &out)
        key("enhanced_code", &out)
        if let code = response.enhancedCode {
            out.append(contentsOf: "{\"class\":".utf8)
            Decimal.append(code.class, to: &out)
            number("subject", code.subject, &out)
            number("detail", code.detail, &out)
            out.append(UInt8(ascii: "}"))
        } else {
            out.append(contentsOf: "null".utf8)
        }
        field("content", response.content, &out)
        field("command", response.command, &out)
        out.append(UInt8(ascii: "}"))
    }

    private func encodeMaps(_ selection: LogSelection, _ out: inout [UInt8]) {
        key("meta", &out)
        out.append(UInt8(ascii: "{"))
        var isFirst = true
        for entry in meta where selection.selects(meta: entry.key) {
            if !isFirst { out.append(UInt8(ascii: ",")) }
            isFirst = false
            JSONText.append(string: entry.key, to: &out)
            out.append(UInt8(ascii: ":"))
            JSONText.append(value: entry.value, to: &out)
        }
        out.append(UInt8(ascii: "}"))
        key("headers", &out)
        out.append(UInt8(ascii: "{"))
        isFirst = true
        for entry in headers where selection.selects(header: entry.name) {
            if !isFirst { out.append(UInt8(ascii: ",")) }
            isFirst = false
            JSONText.append(string: entry.name, to: &out)
            out.append(UInt8(ascii: ":"))
            JSONText.append(string: entry.value, to: &out)
        }
        out.append(UInt8(ascii: "}"))
    }

    private func key(_ name: StaticString, _ out: inout [UInt8]) {
        out.append(UInt8(ascii: ","))
        out.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { out.append(contentsOf: $0) }
        out.append(UInt8(ascii: "\""))
        out.append(UInt8(ascii: ":"))
    }

    private func field(_ name: StaticString, _ value: String?, _ out: inout [UInt8]) {
        key(name, &out)
        JSONText.append(optional: value, to: &out)
    }

    private func number(_ name: StaticString, _ value: Int, _ out: inout [UInt8]) {
        key(name, &out)
        Decimal.append(value, to: &out)
    }

    private func time(_ seconds: StaticString, _ text: StaticString, _ value: Int64, _ out: inout [UInt8]) {
        number(seconds, Int(value / 1_000_000_000), &out)
        key(text, &out)
        out.append(UInt8(ascii: "\""))
        UTCTime(unixNanoseconds: value).appendRFC3339(digits: 9, to: &out)
        out.append(UInt8(ascii: "\""))
    }

    private func strings(_ values: [String], _ out: inout [UInt8]) {
        out.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            JSONText.append(string: value, to: &out)
        }
        out.append(UInt8(ascii: "]"))
    }
}

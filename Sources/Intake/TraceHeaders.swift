import JSON
import Message
import NIOCore
import SMTP
import Shaping

/// *Value*: the header lines a node puts on top of a message it takes in: `Received` (RFC 5321 4.4) and the supplemental header that
/// makes reports attributable.
package struct TraceHeaders {
    /// Whether `Received` is written.
    package var received = true
    /// Whether the supplemental header is written.
    package var supplemental = true
    /// The name of the supplemental header.
    package var supplementalName = "X-KumoRef"
    /// Names of meta values that the supplemental header shows.
    package var includedMeta: Set<String> = []

    /// *Value*: what a `Received` line says about the session.
    struct Origin {
        var ehlo: String
        var peer: String
        var hostname: String
        var local: String
        /// `SMTP`, `ESMTP`, `UTF8SMTP`, `HTTP` (RFC 3848, RFC 6531).
        var with: String
    }

    /// The headers of a listener, or of an injection.
    package init(
        received: Bool = true, supplemental: Bool = true, supplementalName: String = "X-KumoRef", includedMeta: Set<String> = []
    ) {
        self.received = received
        self.supplemental = supplemental
        self.supplementalName = supplementalName
        self.includedMeta = includedMeta
    }

    /// Writes what stands between these lines and the content under them.
    func write(_ seam: ContentHead.Seam, into headers: inout ByteBuffer) {
        guard received || supplemental else { return }
        headers.writeStaticString(seam.text)
    }

    /// Writes the lines for one message. `date` is an RFC 5322 date.
    func write(
        into headers: inout ByteBuffer, origin: Origin, id: String, recipients: [EnvelopeAddress], date: String,
        meta: [(key: String, value: String)] = []
    ) {
        if received {
            headers.writeString("Received: from ")
            headers.writeString(origin.ehlo)
            headers.writeString(" (")
            headers.writeString(origin.peer)
            headers.writeString(")\r\n  by ")
            headers.writeString(origin.hostname)
            headers.writeString(" (Apus ")
            headers.writeString(origin.local)
            headers.writeString(")\r\n  with ")
            headers.writeString(origin.with)
            headers.writeString(" id ")
            headers.writeString(id)
            // More than one name here would show blind copies to everyone (RFC 5321 7.2).
            if let first = recipients.first, recipients.count == 1 {
                headers.writeString("\r\n  for <")
                headers.writeString(first.text)
                headers.writeString(">;\r\n  ")
            } else {
                headers.writeString(";\r\n  ")
            }
            headers.writeString(date)
            headers.writeString("\r\n")
        }
        if supplemental {
            headers.writeString(supplementalName)
            headers.writeString(": ")
            writeReference(into: &headers, recipients: recipients, meta: meta.filter { includedMeta.contains($0.key) })
            headers.writeString("\r\n")
        }
    }

    /// The base64 of `{"_@_":"\\_/","recipient":…}`, folded below the line limit.
    private func writeReference(
        into headers: inout ByteBuffer, recipients: [EnvelopeAddress], meta: [(key: String, value: String)]
    ) {
        // Several recipients are not named: each would see the blind copies of the others.
        var json = "{\"_@_\":\"\\\\_/\""
        if recipients.count == 1 { json += ",\"recipient\":" + JSONText.string(recipients[0].text, style: .policy) }
        for (key, value) in meta { json += "," + JSONText.string(key, style: .policy) + ":" + value }
        json += "}"
        var encoded: [UInt8] = []
        Base64.encode(Array(json.utf8), lineLength: .max, to: &encoded)
        var start = 0
        while start < encoded.count {
            let end = min(start + 64, encoded.count)
            if start > 0 { headers.writeString("\r\n\t") }
            headers.writeBytes(encoded[start..<end])
            start = end
        }
    }
}

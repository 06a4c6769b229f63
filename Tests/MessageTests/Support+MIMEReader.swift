/// A plain, slow reader of MIME messages, written from the RFCs apart from the builder: the reference the builder is checked against.
struct MIMEReader {
    struct Part {
        var headers: [(name: String, value: String)] = []
        /// Decoded content of a leaf.
        var content: [UInt8] = []
        var parts: [Part] = []

        func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
        var type: String { String((header("Content-Type") ?? "text/plain").split(separator: ";")[0]) }
        var text: String { String(decoding: content, as: UTF8.self) }
        /// `multipart/mixed(text/plain,image/png)`.
        var shape: String { parts.isEmpty ? type : type + "(" + parts.map(\.shape).joined(separator: ",") + ")" }
        var leaves: [Part] { parts.isEmpty ? [self] : parts.flatMap(\.leaves) }

        /// Parameters of a structured header, with RFC 2231 decoded.
        func parameter(_ wanted: String, of name: String) -> String? {
            var sections: [(Int, String)] = []
            for (key, value) in Self.parameters(header(name) ?? "") {
                if key == wanted { return value }
                let parts = key.split(separator: "*", omittingEmptySubsequences: false)
                guard parts[0] == wanted, parts.count > 1 else { continue }
                sections.append((Int(parts[1]) ?? 0, value))
            }
            guard !sections.isEmpty else { return nil }
            let joined = sections.sorted { $0.0 < $1.0 }.map(\.1).joined()
            guard joined.hasPrefix("utf-8''") else { return nil }
            return MIMEReader.percentDecoded(String(joined.dropFirst(7)))
        }

        private static func parameters(_ value: String) -> [(String, String)] {
            var items: [String] = [""]
            var quoted = false
            var escaped = false
            for character in value {
                if escaped {
                    escaped = false
                } else if character == "\\" && quoted {
                    escaped = true
                    continue
                } else if character == "\"" {
                    quoted.toggle()
                    continue
                } else if character == ";" && !quoted {
                    items.append("")
                    continue
                }
                items[items.count - 1].append(character)
            }
            return items.dropFirst().compactMap { item in
                let trimmed = item.drop { $0 == " " }
                guard let equals = trimmed.firstIndex(of: "=") else { return nil }
                return (String(trimmed[..<equals]), String(trimmed[trimmed.index(after: equals)...]))
            }
        }
    }

    static func read(_ bytes: [UInt8]) -> Part {
        var part = Part()
        var index = 0
        while index < bytes.count {
            var line: [UInt8] = []
            while index < bytes.count {
                let end = lineEnd(bytes, index)
                line += bytes[index..<end]
                index = min(bytes.count, end + 2)
                guard !line.isEmpty, index < bytes.count, bytes[index] == 32 || bytes[index] == 9 else { break }
            }
            if line.isEmpty { break }
            let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? 0
            let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
            part.headers.append((String(decoding: line[..<colon], as: UTF8.self), String(value.drop { $0 == " " })))
        }
        let body = Array(bytes[index...])
        if part.type.hasPrefix("multipart/"), let boundary = part.parameter("boundary", of: "Content-Type") {
            part.parts = split(body, boundary: Array("--\(boundary)".utf8)).map(read)
            return part
        }
        switch part.header("Content-Transfer-Encoding") {
        case "base64": part.content = base64(body)
        case "quoted-printable": part.content = quotedPrintable(body)
        default: part.content = body
        }
        return part
    }

    /// Text of a header value with its encoded words decoded (white space between two of them dropped).
    static func decoded(_ value: String) -> String {
        var result = ""
        var white = ""
        var afterEncoded = false
        var word = ""
        func flush() {
            guard !word.isEmpty else { return }
            if let text = encodedWord(word) {
                if !afterEncoded { result += white }
                result += text
                afterEncoded = true
            } else {
                result += white + word
                afterEncoded = false
            }
            white = ""
            word = ""
        }
        for character in value {
            if character == " " || character == "\t" {
                flush()
                white.append(character)
            } else {
                word.append(character)
            }
        }
        flush()
        return result + white
    }

    private static func encodedWord(_ word: String) -> String? {
        let parts = word.split(separator: "?", omittingEmptySubsequences: false).map(String.init)
        guard word.utf8.count <= 75, parts.count == 5, parts[0] == "=", parts[4] == "=", parts[1] == "utf-8" else { return nil }
        if parts[2] == "b" { return validated(base64(Array(parts[3].utf8))) }
        return validated(quotedPrintable(Array(parts[3].utf8).map { $0 == 0x5F ? 0x20 : $0 }))
    }

    /// A cut scalar must be noticed, so no repair.
    private static func validated(_ bytes: [UInt8]) -> String? { String(validating: bytes, as: UTF8.self) }

    private static func lineEnd(_ bytes: [UInt8], _ start: Int) -> Int {
        var index = start
        while index + 1 < bytes.count, !(bytes[index] == 13 && bytes[index + 1] == 10) { index += 1 }
        return index + 1 < bytes.count ? index : bytes.count
    }

    /// The bodies between delimiter lines; any line that starts with the delimiter counts, as RFC 2046 tells readers.
    private static func split(_ body: [UInt8], boundary: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var current: [UInt8]?
        var index = 0
        while index < body.count {
            let end = lineEnd(body, index)
            let line = body[index..<end]
            if line.starts(with: boundary) {
                if var part = current {
                    part.removeLast(2)
                    parts.append(part)
                }
                current = line.dropFirst(boundary.count).starts(with: [45, 45]) ? nil : []
            } else {
                current? += line + [13, 10]
            }
            index = min(body.count, end + 2)
        }
        return parts
    }

    static func base64(_ text: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var bits = 0
        var value = 0
        var output: [UInt8] = []
        for byte in text {
            guard let digit = alphabet.firstIndex(of: byte) else { continue }
            value = (value << 6 | digit) & 0xFFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(value >> bits & 255))
            }
        }
        return output
    }

    static func quotedPrintable(_ text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == 61, index + 2 < text.count {
                let pair = String(decoding: text[(index + 1)...(index + 2)], as: UTF8.self)
                if let value = UInt8(pair, radix: 16) { output.append(value) }
                index += 3
            } else {
                output.append(text[index])
                index += 1
            }
        }
        return output
    }

    static func percentDecoded(_ text: String) -> String {
        quotedPrintable(Array(text.utf8).map { $0 == 0x25 ? 61 : $0 }).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

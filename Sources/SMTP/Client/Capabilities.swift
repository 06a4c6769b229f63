/// What a server said it can do: the lines of its EHLO reply (RFC 5321 4.1.1.1).
///
/// *Value.* Keywords are compared without case; unknown ones are dropped; what has a parameter that cannot be read counts as offered
/// without it.
package struct Capabilities: Sendable, Equatable {
    /// *Value.* One bit per extension known here.
    package struct Extensions: OptionSet, Sendable, Hashable {
        /// One bit per extension.
        package let rawValue: UInt16
        /// The extensions of these bits.
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        /// RFC 2920.
        package static let pipelining = Extensions(rawValue: 1 << 0)
        /// RFC 1870.
        package static let size = Extensions(rawValue: 1 << 1)
        /// RFC 6152.
        package static let eightBitMIME = Extensions(rawValue: 1 << 2)
        /// RFC 6531.
        package static let smtpUTF8 = Extensions(rawValue: 1 << 3)
        /// RFC 3030.
        package static let chunking = Extensions(rawValue: 1 << 4)
        /// RFC 3030.
        package static let binaryMIME = Extensions(rawValue: 1 << 5)
        /// RFC 3207.
        package static let startTLS = Extensions(rawValue: 1 << 6)
        /// RFC 2034.
        package static let enhancedStatusCodes = Extensions(rawValue: 1 << 7)
        /// RFC 4954.
        package static let auth = Extensions(rawValue: 1 << 8)
        /// RFC 3461.
        package static let dsn = Extensions(rawValue: 1 << 9)
        /// RFC 8689.
        package static let requireTLS = Extensions(rawValue: 1 << 10)
        /// RFC 9422.
        package static let limits = Extensions(rawValue: 1 << 11)
    }

    /// What was offered. Empty after HELO.
    package var extensions: Extensions = []
    /// The largest message in bytes the server takes; nil when it names no limit.
    package var sizeLimit: Int?
    /// SASL mechanisms, upper case, at most 32.
    package var authMechanisms: [String] = []
    /// The first word of the server's greeting, at most 255 bytes.
    package var greetingName = ""

    /// A server that answered HELO only.
    package init() {}

    /// Reads a positive reply to EHLO or LHLO.
    package init(hello reply: RawReply) {
        var isFirst = true
        reply.forEachLine { line in
            if isFirst {
                isFirst = false
                greetingName = Self.text(line.prefix { $0 != UInt8(ascii: " ") }.prefix(255))
            } else {
                read(line)
            }
        }
    }

    /// Whether `option` was offered.
    package func offers(_ option: Extensions) -> Bool { extensions.contains(option) }

    private static let keywords: [(name: [UInt8], option: Extensions)] = [
        (Array("PIPELINING".utf8), .pipelining), (Array("SIZE".utf8), .size), (Array("8BITMIME".utf8), .eightBitMIME),
        (Array("SMTPUTF8".utf8), .smtpUTF8), (Array("CHUNKING".utf8), .chunking), (Array("BINARYMIME".utf8), .binaryMIME),
        (Array("STARTTLS".utf8), .startTLS), (Array("ENHANCEDSTATUSCODES".utf8), .enhancedStatusCodes),
        (Array("AUTH".utf8), .auth), (Array("DSN".utf8), .dsn), (Array("REQUIRETLS".utf8), .requireTLS),
        (Array("LIMITS".utf8), .limits),
    ]

    private mutating func read(_ line: ArraySlice<UInt8>) {
        // "AUTH=PLAIN" is how servers wrote it before RFC 2554; they still do.
        let keyword = line.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "=") }
        guard let entry = Self.keywords.first(where: { Self.matches(keyword, $0.name) }) else { return }
        let words = line.dropFirst(keyword.count + 1).split(separator: UInt8(ascii: " "))
        extensions.insert(entry.option)
        switch entry.option {
        case .size:
            // RFC 1870 4: no number, or zero, means no fixed limit.
            guard let word = words.first, word.count <= 18, word.allSatisfy({ $0 &- 0x30 < 10 }) else { return }
            let limit = word.reduce(0) { $0 * 10 + Int($1 - 0x30) }
            sizeLimit = limit > 0 ? limit : nil
        case .auth:
            for word in words where authMechanisms.count < 32 && word.count <= 20 {
                let name = Self.text(word).uppercased()
                if !authMechanisms.contains(name) { authMechanisms.append(name) }
            }
        default: break
        }
    }

    private static func matches(_ word: ArraySlice<UInt8>, _ name: [UInt8]) -> Bool {
        word.count == name.count
            && zip(word, name).allSatisfy { ($0 &- 0x61 < 26 ? $0 & 0xDF : $0) == $1 }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.lazy.map { $0 > 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}

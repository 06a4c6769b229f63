/// The written forms of IP addresses and networks. *Value* (a namespace).
///
/// Only the syntax is checked here, so that a typo in a policy is an error when it loads; matching is done where
/// addresses are met. Strict on purpose: octets with leading zeros mean octal to some and decimal to others.
enum AddressSyntax {
    /// Whether a text is an IPv4 address in dotted decimal.
    static func isIPv4(_ text: String) -> Bool { isIPv4(Array(text.utf8)[...]) }

    /// Whether a text is an IPv6 address (RFC 4291 2.2), without a zone.
    static func isIPv6(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard (2...45).contains(bytes.count) else { return false }
        var gap: Int?
        var index = 0
        while index + 1 < bytes.count {
            if bytes[index] == 0x3A, bytes[index + 1] == 0x3A {
                guard gap == nil else { return false }
                gap = index
                index += 2
            } else {
                index += 1
            }
        }
        guard let gap else { return groups(bytes[...], allowIPv4: true) == 8 }
        guard let head = groups(bytes[..<gap], allowIPv4: false),
            let tail = groups(bytes[(gap + 2)...], allowIPv4: true)
        else { return false }
        return head + tail <= 7
    }

    /// Whether a text is an IPv4 or IPv6 address.
    static func isAddress(_ text: String) -> Bool { isIPv4(text) || isIPv6(text) }

    /// Whether a text is an address, or an address with a prefix length.
    static func isNetwork(_ text: String) -> Bool {
        guard let slash = text.utf8.firstIndex(of: 0x2F) else { return isAddress(text) }
        let address = String(text[..<slash])
        let prefix = Array(text[text.utf8.index(after: slash)...].utf8)
        guard let length = decimal(prefix[...], atMost: 128) else { return false }
        return isIPv4(address) ? length <= 32 : isIPv6(address)
    }

    private static func isIPv4(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard (7...15).contains(bytes.count) else { return false }
        let octets = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
        return octets.count == 4 && octets.allSatisfy { decimal($0, atMost: 255) != nil }
    }

    /// How many 16-bit groups stand in a part of an IPv6 address; nil when it is not one.
    private static func groups(_ bytes: ArraySlice<UInt8>, allowIPv4: Bool) -> Int? {
        if bytes.isEmpty { return 0 }
        let parts = bytes.split(separator: 0x3A, omittingEmptySubsequences: false)
        var count = 0
        for (index, part) in parts.enumerated() {
            if allowIPv4, index == parts.count - 1, part.contains(0x2E) {
                guard isIPv4(part) else { return nil }
                count += 2
                continue
            }
            guard (1...4).contains(part.count), part.allSatisfy(isHexDigit) else { return nil }
            count += 1
        }
        return count
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    /// A number of one to three digits without leading zeros.
    private static func decimal(_ bytes: ArraySlice<UInt8>, atMost limit: Int) -> Int? {
        guard (1...3).contains(bytes.count), bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        if bytes.count > 1, bytes.first == 0x30 { return nil }
        let value = bytes.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return value <= limit ? value : nil
    }
}

/// An IPv4 or IPv6 address literal in a domain position (RFC 5321 section 4.1.3). *Value*.
///
/// Leading zeros in IPv4 are refused: readers disagree whether they mean octal.
struct AddressLiteral: Sendable, Hashable {
    /// Eight groups; an IPv4 address uses the last two.
    private var groups: [UInt16]
    private let isIPv6: Bool

    /// Reads `[1.2.3.4]` or `[IPv6:…]`.
    init?(bracketed text: String) {
        var inner = Array(text.utf8)
        guard inner.count > 2, inner.count <= 64, inner.first == Byte.openBracket, inner.last == Byte.closeBracket else { return nil }
        inner = Array(inner[1..<(inner.count - 1)])
        let tag = Array("ipv6:".utf8)
        if inner.count > tag.count, inner.prefix(tag.count).map(Byte.lowered) == tag {
            guard let groups = Self.groups(inner.dropFirst(tag.count)) else { return nil }
            self.groups = groups
            isIPv6 = true
        } else {
            guard let pair = Self.dotted(inner[...]) else { return nil }
            groups = [0, 0, 0, 0, 0, 0, pair.0, pair.1]
            isIPv6 = false
        }
    }

    /// The canonical form with brackets: dotted decimal, or `IPv6:` and the text of RFC 5952.
    var bracketed: String { isIPv6 ? "[IPv6:\(Self.text(groups))]" : "[\(Self.dottedText(groups[6], groups[7]))]" }

    private static func dotted(_ bytes: ArraySlice<UInt8>) -> (UInt16, UInt16)? {
        var octets: [UInt16] = []
        for part in bytes.split(separator: Byte.dot, omittingEmptySubsequences: false) {
            guard 1...3 ~= part.count, part.allSatisfy(Byte.isDigit), part.count == 1 || part.first != 0x30 else { return nil }
            let value = part.reduce(0) { $0 * 10 + UInt16($1 - 0x30) }
            guard value < 256, octets.count < 4 else { return nil }
            octets.append(value)
        }
        return octets.count == 4 ? (octets[0] << 8 | octets[1], octets[2] << 8 | octets[3]) : nil
    }

    private static func groups(_ bytes: ArraySlice<UInt8>) -> [UInt16]? {
        var parts = bytes.split(separator: Byte.colon, omittingEmptySubsequences: false)
        // "::1" and "1::" leave two empty parts at an end, of which one is only the edge; "::" leaves three.
        var gap: Int?
        if parts.count >= 2, parts[0].isEmpty {
            guard parts.count >= 3, parts[1].isEmpty else { return nil }
            parts.removeFirst()
        }
        if parts.count >= 2, parts[parts.count - 1].isEmpty {
            guard parts[parts.count - 2].isEmpty else { return nil }
            parts.removeLast()
        }
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                guard gap == nil, parts.count > 1 || bytes.count == 2 else { return nil }
                gap = groups.count
            } else if index == parts.count - 1, part.contains(Byte.dot) {
                guard let pair = dotted(part) else { return nil }
                groups += [pair.0, pair.1]
            } else {
                guard part.count <= 4 else { return nil }
                var value: UInt16 = 0
                for byte in part {
                    guard let digit = Byte.hexValue(byte) else { return nil }
                    value = value << 4 | UInt16(digit)
                }
                groups.append(value)
            }
            if groups.count > 8 { return nil }
        }
        guard let gap else { return groups.count == 8 ? groups : nil }
        guard groups.count < 8 else { return nil }
        groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        return groups
    }

    /// RFC 5952: lower case, the first longest run of two or more zero groups as `::`, dotted tail for IPv4-mapped addresses.
    private static func text(_ groups: [UInt16]) -> String {
        if groups[0..<5].allSatisfy({ $0 == 0 }) && groups[5] == 0xFFFF { return "::ffff:" + dottedText(groups[6], groups[7]) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8 && groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = end + 1
        }
        func joined(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.isEmpty { return joined(groups[...]) }
        return joined(groups[..<best.lowerBound]) + "::" + joined(groups[best.upperBound...])
    }

    private static func dottedText(_ high: UInt16, _ low: UInt16) -> String {
        "\(high >> 8).\(high & 0xFF).\(low >> 8).\(low & 0xFF)"
    }
}

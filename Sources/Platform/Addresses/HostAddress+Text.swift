extension HostAddress {
    /// Reads `192.0.2.1` or `2001:db8::1` (RFC 4291 2.2). Strict: four decimal parts without leading zeros, no zone, no brackets.
    package init?(_ text: String) {
        guard text.utf8.count <= 45 else { return nil }
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let value = Self.parseV6(bytes[...]) else { return nil }
            self = value
        } else {
            guard let value = Self.parseV4(bytes[...]) else { return nil }
            self = .v4(value)
        }
    }

    /// Canonical text (RFC 5952); IPv4-mapped addresses in mixed notation.
    package var text: String {
        switch self {
        case .v4(let value):
            return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
        case .v6(let high, let low):
            if case .v4 = unmapped { return "::ffff:" + unmapped.text }
            let groups = [high, low].flatMap { half in (0..<4).map { UInt16(truncatingIfNeeded: half >> (48 - 16 * UInt64($0))) } }
            return Self.text(groups: groups)
        }
    }

    /// The longest run of at least two zero groups, the first of equals, becomes `::`.
    private static func text(groups: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func join(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.isEmpty { return join(groups[...]) }
        return join(groups[..<best.lowerBound]) + "::" + join(groups[best.upperBound...])
    }

    private static func parseV4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != 0x30 else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                number = number * 10 + UInt32(byte - 0x30)
            }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        return value
    }

    private static func parseV6(_ bytes: ArraySlice<UInt8>) -> HostAddress? {
        var before: [UInt16] = []
        var after: [UInt16]?
        var position = bytes.startIndex
        if bytes.starts(with: "::".utf8) {
            after = []
            position += 2
        }
        while position < bytes.endIndex {
            guard before.count + (after?.count ?? 0) < 8 else { return nil }
            let end = bytes[position...].firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            let part = bytes[position..<end]
            if part.contains(UInt8(ascii: ".")) {
                guard end == bytes.endIndex, let value = parseV4(part) else { return nil }
                let groups = [UInt16(truncatingIfNeeded: value >> 16), UInt16(truncatingIfNeeded: value)]
                if after != nil { after?.append(contentsOf: groups) } else { before.append(contentsOf: groups) }
                position = end
                continue
            }
            guard let group = parseGroup(part) else { return nil }
            if after != nil { after?.append(group) } else { before.append(group) }
            guard end < bytes.endIndex else { break }
            position = end + 1
            guard position < bytes.endIndex else { return nil }  // a single colon at the end
            if bytes[position] == UInt8(ascii: ":") {
                guard after == nil else { return nil }
                after = []
                position += 1
            }
        }
        var groups = before
        if let after {
            guard before.count + after.count <= 7 else { return nil }
            groups += Array(repeating: 0, count: 8 - before.count - after.count) + after
        }
        guard groups.count == 8 else { return nil }
        let halves = (
            groups[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) },
            groups[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        )
        return .v6(high: halves.0, low: halves.1)
    }

    private static func parseGroup(_ part: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(part.count) else { return nil }
        var value: UInt16 = 0
        for byte in part {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46, 0x61...0x66: digit = (byte | 0x20) - 0x61 + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

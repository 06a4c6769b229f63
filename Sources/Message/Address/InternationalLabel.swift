/// Which scalars may stand in a U-label: the derived property of RFC 5892, computed from the Unicode properties of the standard library instead of a
/// table. *Value* (a namespace of pure functions). The Bidi rule (RFC 5893) is left to the registries.
enum InternationalLabel {
    /// Whether a lower-cased, composed label that is not all ASCII may be encoded.
    static func isValid(_ label: [Unicode.Scalar]) -> Bool {
        guard let first = label.first, let last = label.last else { return false }
        if first == "-" || last == "-" || isMark(first) { return false }
        // "--" in third and fourth place announces another encoding (RFC 5891 section 4.2.3.1).
        if label.count >= 4 && label[2] == "-" && label[3] == "-" { return false }
        if label.contains(where: { 0x660...0x669 ~= $0.value }) && label.contains(where: { 0x6F0...0x6F9 ~= $0.value }) { return false }
        return label.indices.allSatisfy { isAllowed(label, at: $0) }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    private static func isAllowed(_ label: [Unicode.Scalar], at index: Int) -> Bool {
        let scalar = label[index]
        if scalar.isASCII { return Byte.isAlphanumeric(UInt8(scalar.value)) || scalar == "-" }
        let before = index > 0 ? label[index - 1] : nil
        let after = index + 1 < label.count ? label[index + 1] : nil
        switch scalar.value {
        // Exceptions of section 2.6.
        case 0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007: return true
        case 0x640, 0x7FA, 0x302E, 0x302F, 0x3031...0x3035, 0x303B: return false
        // Contextual rules of appendix A.
        case 0xB7: return before == "l" && after == "l"
        case 0x375: return after.map(isGreek) ?? false
        case 0x5F3, 0x5F4: return before.map { 0x590...0x5FF ~= $0.value } ?? false
        case 0x30FB: return label.contains { $0.value != 0x30FB && isJapanese($0) }
        case 0x200C, 0x200D: return before?.properties.canonicalCombiningClass == .virama
        // Old Hangul Jamo, section 2.9.
        case 0x1100...0x11FF, 0xA960...0xA97F, 0xD7B0...0xD7FF: return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber:
            // "Unstable" of section 2.2: compatibility forms, ignorables, everything case folding would change.
            return !scalar.properties.changesWhenNFKCCaseFolded
        default: return false
        }
    }

    private static func isGreek(_ scalar: Unicode.Scalar) -> Bool {
        0x370...0x3FF ~= scalar.value || 0x1F00...0x1FFF ~= scalar.value
    }

    private static func isJapanese(_ scalar: Unicode.Scalar) -> Bool {
        0x3041...0x30FF ~= scalar.value || scalar.properties.isIdeographic
    }
}

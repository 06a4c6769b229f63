/// Composes base letters and marks to the single scalars IDNA asks for (NFC). *Value* (a namespace of pure functions).
///
/// The standard library compares strings by canonical equivalence but does not give out the composed form. So a dictionary keyed by `Character` is
/// asked: "e" + U+0301 finds the entry of "é". It knows the alphabets in which decomposed text is met (Latin, Greek, Cyrillic, Arabic, kana; Hangul
/// by arithmetic); other scripts pass through as they are.
enum CanonicalComposition {
    private static let composites: [Character: Unicode.Scalar] = {
        var table: [Character: Unicode.Scalar] = [:]
        let ranges: [ClosedRange<UInt32>] = [0xC0...0x24F, 0x386...0x3D4, 0x400...0x4F9, 0x622...0x6D3, 0x1E00...0x1FFF, 0x304C...0x30FE]
        for value in ranges.joined() {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let character = Character(scalar)
            // Of canonical twins the one with the lower code point is the composed form.
            if table[character] == nil { table[character] = scalar }
        }
        return table
    }()

    /// The scalars with every known composition made.
    static func composed(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        let text = String(String.UnicodeScalarView(scalars))
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(scalars.count)
        for character in text {
            let cluster = Array(character.unicodeScalars)
            result += cluster.count == 1 ? cluster : composedCluster(cluster)
        }
        return result
    }

    private static func composedCluster(_ cluster: [Unicode.Scalar]) -> [Unicode.Scalar] {
        if let hangul = composedHangul(cluster) { return hangul }
        // The longest prefix that has a composite. Real clusters are short; the bound keeps a stack of marks from costing its square.
        for length in stride(from: min(cluster.count, 4), through: 2, by: -1) {
            let prefix = String(String.UnicodeScalarView(cluster[..<length]))
            guard prefix.count == 1, let composite = composites[Character(prefix)] else { continue }
            return [composite] + cluster[length...]
        }
        return cluster
    }

    /// Unicode section 3.12: L + V, L + V + T and LV + T.
    private static func composedHangul(_ cluster: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        var syllable = cluster[0].value
        var used = 1
        if 0x1100...0x1112 ~= syllable, 0x1161...0x1175 ~= cluster[1].value {
            syllable = 0xAC00 + ((syllable - 0x1100) * 21 + cluster[1].value - 0x1161) * 28
            used = 2
        }
        guard 0xAC00...0xD7A3 ~= syllable else { return nil }
        if (syllable - 0xAC00) % 28 == 0, used < cluster.count, 0x11A8...0x11C2 ~= cluster[used].value {
            syllable += cluster[used].value - 0x11A7
            used += 1
        }
        return Unicode.Scalar(syllable).map { [$0] + cluster[used...] }
    }
}

/// Domain names as DNS wants them: lower case, U-labels as A-labels (RFC 5891). *Value* (a namespace of pure functions).
enum DomainName {
    private static let nameLimit = 253
    private static let labelLimit = 63

    /// The ASCII form; nil if a label is not allowed by IDNA or the name is too long in ASCII. An ASCII name is only lower-cased: its syntax is the
    /// business of the address grammar.
    static func asciiForm(_ domain: String) -> String? {
        if domain.isASCII { return domain.asciiLowered }
        var bytes: [UInt8] = []
        for label in domain.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false) {
            if !bytes.isEmpty { bytes.append(Byte.dot) }
            guard let ascii = aLabel(label) else { return nil }
            bytes += ascii
            guard bytes.count <= nameLimit else { return nil }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func aLabel(_ label: Substring.UnicodeScalarView) -> [UInt8]? {
        guard !label.isEmpty, label.count <= 4 * labelLimit else { return nil }
        // RFC 5895: upper case is mapped before the lookup, composition after it.
        var mapped: [Unicode.Scalar] = []
        for scalar in label {
            if scalar.isASCII {
                mapped.append(Unicode.Scalar(Byte.lowered(UInt8(scalar.value))))
            } else {
                mapped.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        mapped = CanonicalComposition.composed(mapped)
        if mapped.allSatisfy(\.isASCII) {
            guard mapped.count <= labelLimit else { return nil }
            return mapped.map { UInt8($0.value) }
        }
        guard InternationalLabel.isValid(mapped), let encoded = Punycode.encode(mapped, limit: labelLimit - 4) else { return nil }
        return Array("xn--".utf8) + encoded
    }
}

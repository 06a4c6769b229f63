/// What the package in Fuzz/ runs. *Value* (a namespace).
public enum JSONFuzzing {
    /// Reads anything as JSON: what is accepted must read the same when it is written again, and both ways of reading must agree.
    public static func text(_ bytes: UnsafeRawBufferPointer) {
        for rules in [JSONRules.strict, .api, JSONRules(depth: 17, loneSurrogate: .replaced)] {
            let value = try? JSONValue(parsing: bytes, rules)
            let isValid = isValid(bytes, rules)
            guard let value else { continue }
            precondition(isValid, "a text that was read is called invalid")
            for style in [JSONStyle.record, .policy, .api, .escapedSlashes] {
                let written = value.bytes(style)
                let again = written.withUnsafeBytes { try? JSONValue(parsing: $0, rules) }
                precondition(again != nil, "what was written cannot be read")
                // A double without a point, such as "-0", reads as a whole number.
                precondition(style == .api || style == .escapedSlashes || again?.bytes(style) == written, "it reads differently")
            }
        }
    }

    private static func isValid(_ bytes: UnsafeRawBufferPointer, _ rules: JSONRules) -> Bool {
        do throws(JSONFault) {
            try JSONScanner.scan(bytes.assumingMemoryBound(to: UInt8.self), rules) { scanner throws(JSONFault) in try scanner.skip() }
            return true
        } catch {
            return false
        }
    }
}

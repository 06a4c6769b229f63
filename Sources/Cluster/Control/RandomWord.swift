/// Names that nobody else chooses. *Value.*
enum RandomWord {
    private static let digits: [UInt8] = Array("0123456789abcdef".utf8)

    /// 32 hexadecimal digits.
    static func make() -> String {
        String(decoding: (0..<32).map { _ in digits[Int.random(in: 0..<16)] }, as: UTF8.self)
    }
}

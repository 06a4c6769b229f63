/// An enhanced mail system status code, `class.subject.detail`. *Value.* RFC 3463, registered per RFC 5248.
package struct EnhancedStatus: Sendable, Hashable {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    package let `class`: Int
    /// What the status is about (1 addressing, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy).
    package let subject: Int
    /// The precise condition within the subject.
    package let detail: Int

    /// Creates a code from its three numbers.
    package init(class: Int, subject: Int, detail: Int) {
        self.class = `class`
        self.subject = subject
        self.detail = detail
    }

    /// Creates a code from its three numbers, in the order they are written.
    package init(_ class: Int, _ subject: Int, _ detail: Int) {
        self.init(class: `class`, subject: subject, detail: detail)
    }

    /// The code as it stands in a reply: `5.7.1`.
    package var text: String { "\(self.class).\(subject).\(detail)" }

    /// Reads `d.d.d` (subject and detail up to three digits) and says how many bytes it took; nil when `bytes` do not
    /// start with a status code that is followed by a space or by the end.
    package static func parse(prefix bytes: UnsafeRawBufferPointer) -> (status: EnhancedStatus, consumed: Int)? {
        var numbers: (Int, Int, Int) = (0, 0, 0)
        var index = 0
        for part in 0..<3 {
            var value = 0
            var digits = 0
            while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39, digits < 3 {
                value = value * 10 + Int(bytes[index] - 0x30)
                digits += 1
                index += 1
            }
            guard digits > 0 else { return nil }
            switch part {
            case 0: numbers.0 = value
            case 1: numbers.1 = value
            default: numbers.2 = value
            }
            guard part < 2 else { break }
            guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return nil }
            index += 1
        }
        guard numbers.0 == 2 || numbers.0 == 4 || numbers.0 == 5 else { return nil }
        guard index == bytes.count || bytes[index] == UInt8(ascii: " ") else { return nil }
        return (EnhancedStatus(numbers.0, numbers.1, numbers.2), index)
    }
}

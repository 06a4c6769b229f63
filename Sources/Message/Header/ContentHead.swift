internal import Glibc

/// How message content begins: where its header section ends, and what has to stand between fields that are put on top and the content. *Value*.
///
/// Content need not begin with a header section. Put under other fields as it is, a first line that begins with a blank would continue the
/// last of them, and any other line that is no field would end the header section for some readers and not for others.
package struct ContentHead: Sendable, Hashable {
    /// What to write between fields on top and the content, which itself stays as it is.
    package enum Seam: Sendable, Hashable {
        /// Nothing: the content begins with a field or an empty line.
        case none
        /// An empty line: all of the content is body.
        case emptyLine
        /// `X-Mailbox-Line: `, as Postfix does: the content begins with a `From ` line of a mailbox file, and fields follow.
        case mailboxLine

        /// The bytes to write.
        package var text: StaticString {
            switch self {
            case .none: ""
            case .emptyLine: "\r\n"
            case .mailboxLine: "X-Mailbox-Line: "
            }
        }
    }

    /// Bytes of the header section including the empty line; 0 when all of the content is body.
    package let length: Int
    /// What has to stand before the content.
    package let seam: Seam
    /// False when the section may go on behind the bytes that were given.
    package let isComplete: Bool

    /// Looks at content, or at the first part of it.
    package init(_ content: UnsafeRawBufferPointer, isWhole: Bool = true) {
        let start: Int
        if content.isEmpty || HeaderBlock.blankLineLength(content, at: 0) > 0 || HeaderBlock.isField(content, at: 0) {
            seam = .none
            start = 0
        } else if let next = Self.mailboxLineEnd(content) {
            seam = .mailboxLine
            start = next
        } else {
            seam = .emptyLine
            length = 0
            isComplete = true
            return
        }
        if let end = HeaderBlock.emptyLineEnd(content, from: start) {
            length = end
            isComplete = true
        } else if let end = HeaderBlock.firstStray(content, from: start) {
            // Without an empty line the first line that is no field is content.
            length = end
            isComplete = true
        } else {
            length = content.count
            isComplete = isWhole
        }
    }

    /// Where the second line starts, if the first is the `From ` line of a mailbox file and a header section follows.
    private static func mailboxLineEnd(_ content: UnsafeRawBufferPointer) -> Int? {
        var index = 0
        while index < content.count, content[index] == Byte.greater { index += 1 }
        let wanted: StaticString = "From "
        guard content.count - index > wanted.utf8CodeUnitCount else { return nil }
        guard memcmp(content.baseAddress! + index, wanted.utf8Start, wanted.utf8CodeUnitCount) == 0 else { return nil }
        let next = HeaderBlock.lineEnd(content, from: index)
        // With the name before it the line must still be one that servers take.
        guard next < HeaderFolder.hardLimit - Seam.mailboxLine.text.utf8CodeUnitCount else { return nil }
        guard HeaderBlock.blankLineLength(content, at: next) > 0 || HeaderBlock.isField(content, at: next) else { return nil }
        return next
    }
}
